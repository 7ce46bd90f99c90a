"""Trains the table by gradient descent, from the distilled start. NumPy and SciPy only; every gradient is written out.

A step takes a batch of (query, passage) records and lowers three terms:
  rank    cross-entropy of each query against all passages of the batch (and the other way round). The target is the
          right passage, mixed with the teacher's own distribution over the batch where its vectors are known;
  match   1 - cosine of the student's vector and the teacher's, projected to the table's dims;
  anchor  pull of every row that took part towards the distilled start.
Half of every batch comes from few sources, so that its wrong passages are near misses.
"""
import argparse
import pathlib
import time

import numpy as np
from distill import dead, token_vectors, vocabulary
from scipy import sparse

Ids = tuple[np.ndarray, np.ndarray]


def tokenised(work: pathlib.Path, corpus: str) -> dict[str, np.ndarray]:
    """A whole corpus as token ids, made once: qi, qo, pi, po as in the shards, and source."""
    import json
    from encode import TOKENS, pack
    from tokens import tokenizer
    path = work / f'ids-{corpus}.npz'
    if not path.exists():
        tokens, out = tokenizer(vocabulary(work)), {'q': ([], []), 'p': ([], [])}
        names: dict[str, int] = {}
        source = []
        with (work / f'{corpus}.jsonl').open() as file:
            while batch := [json.loads(line) for _, line in zip(range(20000), file)]:
                source += [names.setdefault(r['s'], len(names)) for r in batch]
                for key, (ids, lengths) in out.items():
                    rows = [e.ids[:TOKENS] for e in tokens.encode_batch([r[key] for r in batch])]
                    flat, offsets = pack(rows)
                    ids.append(flat.astype(np.uint16))
                    lengths.append(np.diff(offsets))
        packed = {}
        for key, (ids, lengths) in out.items():
            packed[key + 'i'], packed[key + 'o'] = np.concatenate(ids), np.cumsum(np.concatenate([[0], *lengths]))
        np.savez(path, source=np.array(source), **packed)
    return dict(np.load(path))


def taught(folder: pathlib.Path, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Teacher's vectors by record: which records have them, queries, passages."""
    from encode import SHARD
    known, tq, tp = np.zeros(count, np.int64) - 1, [], []
    at = 0
    for path in sorted(folder.glob('?????.npz')):
        shard = np.load(path)
        begin = int(path.stem) * SHARD
        size = len(shard['tq'])
        known[begin:begin + size] = np.arange(at, at + size)
        at += size
        tq.append(shard['tq'])
        tp.append(shard['tp'])
    return known, np.concatenate(tq), np.concatenate(tp)


def counts(ids: list[np.ndarray], columns: np.ndarray, rows: int) -> sparse.csr_matrix:
    """Each text as a row of token counts over `columns`, divided by its length: the mean pool as a matrix."""
    flat = np.concatenate(ids)
    lengths = np.array([len(i) for i in ids])
    data = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
    return sparse.csr_matrix((data, np.searchsorted(columns, flat), np.concatenate([[0], np.cumsum(lengths)])), shape=(rows, len(columns)))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def unit(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    length = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    return x / length, length


def start(work: pathlib.Path, corpus: dict[str, np.ndarray], vectors: np.ndarray, dims: int, a: float) -> tuple[np.ndarray, np.ndarray]:
    """(rows, projection [384, dims]): the teacher's token vectors on the main directions of its passages, SIF weights
    from the corpus's own token counts."""
    sample = vectors[:32768].astype(np.float32)
    values, directions = np.linalg.eigh(sample.T @ sample)
    projection = directions[:, np.argsort(values)[::-1][:dims]].astype(np.float32)
    seen = np.bincount(corpus['pi'], minlength=30522).astype(np.float64)
    p = (seen + 1) / (seen.sum() + len(seen))
    rows, _ = unit((token_vectors(work) - sample.mean(0) * 0.9) @ projection)
    return (rows * (a / (a + p))[:, None] * ~dead(vocabulary(work))[:, None]).astype(np.float32), projection


class Adam:
    """Adam on the rows that took part in a step; the others keep their moments."""

    def __init__(self, shape: tuple[int, int]):
        self.m, self.v, self.t = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape[0], np.int64)

    def step(self, table: np.ndarray, rows: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        self.t[rows] += 1
        m = self.m[rows] = 0.9 * self.m[rows] + 0.1 * gradient
        v = self.v[rows] = 0.99 * self.v[rows] + 0.01 * gradient * gradient
        t = self.t[rows, None].astype(np.float32)
        table[rows] -= rate * (m / (1 - 0.9 ** t)) / (np.sqrt(v / (1 - 0.99 ** t)) + 1e-8)


def batches(source: np.ndarray, usable: np.ndarray, size: int, random_: np.random.Generator, groups: int):
    """Batches of record numbers; `groups` runs of one source each make up half of a batch, the rest is mixed."""
    shuffled = random_.permutation(usable)
    half = len(shuffled) // 2
    grouped, mixed = shuffled[:half], shuffled[half:]
    run = size // 2 // groups
    grouped = grouped[np.argsort(source[grouped], kind='stable')]
    runs = grouped[:len(grouped) // run * run].reshape(-1, run)
    random_.shuffle(runs)
    for i in range(min(len(runs) // groups, len(mixed) // (size // 2))):
        yield np.concatenate([runs[i * groups:(i + 1) * groups].ravel(), mixed[i * (size // 2):(i + 1) * (size // 2)]])


def main() -> None:
    parse = argparse.ArgumentParser()
    parse.add_argument('work', type=pathlib.Path)
    parse.add_argument('out', type=pathlib.Path)
    parse.add_argument('--start', type=pathlib.Path, help='a table to train on from, instead of the distilled one')
    parse.add_argument('--model', default='candidate')
    parse.add_argument('--dims', type=int, default=256)
    parse.add_argument('--steps', type=int, default=600)
    parse.add_argument('--batch', type=int, default=1024)
    parse.add_argument('--groups', type=int, default=4)
    parse.add_argument('--rate', type=float, default=2e-3)
    parse.add_argument('--sif', type=float, default=1e-3)
    parse.add_argument('--rank', type=float, default=1.0)
    parse.add_argument('--match', type=float, default=3.0)
    parse.add_argument('--anchor', type=float, default=0.0)
    parse.add_argument('--soft', type=float, default=0.5, help='share of the teacher in the target of the rank term')
    parse.add_argument('--heat', type=float, default=0.05, help='temperature of the student')
    parse.add_argument('--cool', type=float, default=0.05, help='temperature of the teacher')
    parse.add_argument('--taught', type=float, default=0.5, help='share of the batches taken from records with teacher vectors')
    parse.add_argument('--everyday', type=float, default=0.15, help='share of the batches taken from everyday.jsonl')
    parse.add_argument('--advice', type=float, default=0.1, help='share of the batches taken from advice.jsonl')
    parse.add_argument('--drop', type=float, default=0.1, help='share of tokens left out of each text')
    parse.add_argument('--every', type=int, default=300)
    o = parse.parse_args()

    from judge import cached, dev_sets, figures
    from table import Table, write
    corpus, everyday, advice = (tokenised(o.work, name) for name in ('corpus', 'everyday', 'advice'))
    count = len(corpus['source'])
    known, tq, tp = taught(o.work / 'shards', count)
    lessons = {name: taught(o.work / f'shards-{name}', len(texts['source'])) for name, texts in (('everyday', everyday), ('advice', advice))}
    table, projection = start(o.work, corpus, tp, o.dims, o.sif)
    if o.start:
        table = Table(o.start).rows
    alive = ~dead(vocabulary(o.work))
    origin = table.copy()
    random_ = np.random.default_rng(5)
    asked = np.diff(corpus['qo']) > 0
    # Taught documents, all documents, short texts, errors and advice: (texts, their teacher, records to draw from).
    kinds = [(corpus, (known, tq, tp), np.flatnonzero(asked & (known >= 0))), (corpus, None, np.flatnonzero(asked)),
             *((texts, lesson, np.flatnonzero((np.diff(texts['qo']) > 0) & (lesson[0] >= 0))) for texts, lesson in zip((everyday, advice), lessons.values()))]
    shares = np.array([o.taught, 1 - o.taught - o.everyday - o.advice, o.everyday, o.advice])
    print(f'{count} records, {len(kinds[0][2])} with teacher vectors, {len(kinds[2][2])} short, {len(kinds[3][2])} errors', flush=True)
    judged = dev_sets(o.work)

    def check(step: int) -> None:
        write(o.out, o.model, vocabulary(o.work), table)
        embed = cached(Table(o.out).embed)
        got = {name: figures(embed, one) for name, one in judged.items()}
        print(step, {n: f['recall@10'] for n, f in got.items()}, 'mean r@10', np.mean([f['recall@10'] for f in got.values()]).round(4), 'mrr', np.mean([f['mrr'] for f in got.values()]).round(4), flush=True)

    def take(texts: dict[str, np.ndarray], key: str, records: np.ndarray) -> list[np.ndarray]:
        flat, offsets = texts[key + 'i'], texts[key + 'o']
        rows = [flat[offsets[r]:offsets[r + 1]] for r in records]
        return [r[random_.random(len(r)) >= o.drop] if len(r) > 4 else r for r in rows]

    adam, sources = Adam(table.shape), [None, None, None, None]
    check(0)
    began, seen = time.monotonic(), np.zeros(3)
    for step in range(1, o.steps + 1):
        which = int(random_.choice(4, p=shares))
        texts, lesson, pool = kinds[which]
        records = next(sources[which], None) if sources[which] else None
        if records is None:
            sources[which] = batches(texts['source'], pool, o.batch, random_, o.groups)
            records = next(sources[which])
        ids = take(texts, 'q', records) + take(texts, 'p', records)
        columns = np.unique(np.concatenate(ids))
        pooling = counts(ids, columns, len(ids))
        vectors, lengths = unit(pooling @ table[columns])
        n = len(records)
        q, p = vectors[:n], vectors[n:]
        logits = q @ p.T / o.heat
        target_q = target_p = np.eye(n, dtype=np.float32)
        if lesson:
            here = lesson[0][records]
            told_q, told_p = lesson[1][here].astype(np.float32), lesson[2][here].astype(np.float32)
            teacher = told_q @ told_p.T / o.cool
            soft = o.soft if texts is corpus else 1
            target_q = (1 - soft) * target_q + soft * softmax(teacher)
            target_p = (1 - soft) * target_p + soft * softmax(teacher.T)
        forth, back = softmax(logits), softmax(logits.T)
        slope = o.rank * ((forth - target_q) + (back - target_p).T) / (2 * n * o.heat)
        gradient = np.concatenate([slope @ p, slope.T @ q])
        seen[0] += -np.log(np.maximum(np.diag(forth), 1e-9)).mean()
        if lesson:
            goal, _ = unit(np.concatenate([told_q, told_p]) @ projection)
            gradient -= o.match * goal / (2 * n)
            seen[1:] += (vectors * goal).sum(1).mean(), 1
        gradient = (gradient - vectors * (vectors * gradient).sum(1, keepdims=True)) / lengths
        rows_gradient = np.asarray(pooling.T @ gradient)
        rows_gradient += o.anchor / n * (table[columns] - origin[columns])
        rate = o.rate * min(1, step / 50) * max(0.02, 1 - step / o.steps)
        adam.step(table, columns, rows_gradient * alive[columns, None], rate)
        if step % 50 == 0:
            print(f'  {step}: rank {seen[0] / 50:.3f}, match {seen[1] / max(1, seen[2]):.4f}, {(time.monotonic() - began) / step:.2f} s a step', flush=True)
            seen[:] = 0
        if step % o.every == 0 or step == o.steps:
            check(step)


if __name__ == '__main__':
    main()
