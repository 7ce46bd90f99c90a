"""The teacher's vectors of the corpus, shard by shard; can be stopped and started again, and `train.py` takes what is there.

`encode.py WORK PART PARTS` does every PARTS-th shard with one thread: start one process per core.

WORK/shards/00042.npz: ids and offsets of the first 128 tokens of each query and passage, and their unit vectors
[n, 384] as float16. A record without a query has an empty one and a vector of zeros.
"""
import json
import pathlib
import sys
import time

import numpy as np
from teacher import Teacher

SHARD, TOKENS = 4096, 128


def pack(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([np.array(r, np.int32) for r in rows]), np.cumsum([0, *map(len, rows)])


def main(work: pathlib.Path, part: int, parts: int, name: str = 'corpus') -> None:
    lines = (work / f'{name}.jsonl').read_text('utf-8').splitlines()
    sources = {s: i for i, s in enumerate(sorted({json.loads(line)['s'] for line in lines}))}
    kinds = ['section', 'cloze', 'code', 'doc', 'name', 'error']
    folder = work / ('shards' if name == 'corpus' else f'shards-{name}')
    folder.mkdir(exist_ok=True)
    teacher = Teacher(work, int8=True, threads=1)
    for number in range(part, -(-len(lines) // SHARD), parts):
        path = folder / f'{number:05}.npz'
        if path.exists():
            continue
        began = time.monotonic()
        records = [json.loads(line) for line in lines[number * SHARD:(number + 1) * SHARD]]
        q = [e.ids[:TOKENS] for e in teacher.tokenizer.encode_batch([r['q'] for r in records])]
        p = [e.ids[:TOKENS] for e in teacher.tokenizer.encode_batch([r['p'] for r in records])]
        vectors = teacher.embed_ids(q + p)
        tq, tp = vectors[:len(q)].astype(np.float16), vectors[len(q):].astype(np.float16)
        tq[[not ids for ids in q]] = 0
        (qi, qo), (pi, po) = pack(q), pack(p)
        partial = path.with_suffix('.tmp.npz')
        np.savez(partial, qi=qi, qo=qo, pi=pi, po=po, tq=tq, tp=tp, source=np.array([sources[r['s']] for r in records]), kind=np.array([kinds.index(r['k']) for r in records]))
        partial.rename(path)
        spent = time.monotonic() - began
        print(f'{number}: {len(qi) + len(pi)} tokens, {(len(qi) + len(pi)) / spent:.0f} tokens/s', flush=True)


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
