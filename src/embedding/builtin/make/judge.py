"""Judges vectors on the evaluation sets, and on the dev sets that training is tuned on.

`judge.py teacher WORK` writes the teacher's and plain distillation's figures to test/bench/embedding/reference.json,
for `npm run eval:embedding` to print beside the shipped table's. `judge.py dev WORK TABLE...` prints dev figures.
"""
import json
import pathlib
import random
import sys
from collections.abc import Callable

import numpy as np
from corpus import EVALUATION

Embed = Callable[[list[str]], np.ndarray]
Set = tuple[list[str], list[str], list[int]]
# Which passages every set is searched in, beside its own answers: s sentences, d documentation, k code, c options.
POOLS = {'paraphrase-written': 's', 'paraphrase-options': 's', 'question-written': 'dk', 'question-docs': 'dk', 'question-code': 'dk', 'error-fix': 'sd'}


def lines(path: pathlib.Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text('utf-8').splitlines()]


def evaluation_sets() -> dict[str, Set]:
    """name -> queries, candidates, index of each query's only right candidate."""
    passages = lines(EVALUATION / 'passages.jsonl')
    paraphrases = [r['p'] for r in lines(EVALUATION / 'paraphrase-written.jsonl')]
    out: dict[str, Set] = {}
    for name, pool in POOLS.items():
        rows = lines(EVALUATION / f'{name}.jsonl')
        wanted = pool + ('c' if name.startswith('paraphrase') else '')
        chosen = [p for p in passages if p['id'][0] in wanted]
        texts = [p['text'] for p in chosen]
        at = {p['id']: i for i, p in enumerate(chosen)}
        if 'p' in rows[0]:
            gold = list(range(len(texts), len(texts) + len(rows)))
            texts = texts + [r['p'] for r in rows]
        else:
            gold = [at[r['id']] for r in rows]
            texts = texts + (paraphrases if name.startswith('paraphrase') else [])
        out[name] = ([r['q'] for r in rows], texts, gold)
    return out


def dev_sets(work: pathlib.Path) -> dict[str, Set]:
    """From the sources with the role `dev`, which are in neither the corpus nor the evaluation sets."""
    records = lines(work / 'dev.jsonl')
    random_ = random.Random(3)
    random_.shuffle(records)
    out: dict[str, Set] = {}
    for name, fits in {
        'docs': lambda r: r['k'] == 'section' and r['s'].startswith('python-'),
        'man': lambda r: r['k'] == 'section' and r['s'] == 'libssl-doc',
        'code': lambda r: r['k'] == 'code',
        'doc': lambda r: r['k'] in ('doc', 'name'),
        'cloze': lambda r: r['k'] == 'cloze',
    }.items():
        rows = [r for r in records if fits(r)][:1500]
        heads = [r['q'].lower() for r in rows]
        asked = [i for i, r in enumerate(rows) if len(r['q'].split()) >= 3 and heads.count(heads[i]) == 1 and heads[i] not in r['p'].lower()][:350]
        out[name] = ([rows[i]['q'] for i in asked], [r['p'] for r in rows], asked)
    written = json.loads((pathlib.Path(__file__).parent / 'dev.json').read_text('utf-8'))
    texts = [r['q'] for r in records if r['k'] == 'cloze'][:1500]
    for name, rows in written.items():
        out[name] = ([q for q, _ in rows], texts + [p for _, p in rows], list(range(len(texts), len(texts) + len(rows))))
    return out


def figures(embed: Embed, judged: Set) -> dict[str, float]:
    queries, texts, gold = judged
    scores = embed(queries) @ embed(texts).T
    right = scores[np.arange(len(gold)), gold]
    rank = 1 + (scores > right[:, None]).sum(1)
    return {'n': len(gold), 'candidates': len(texts), 'recall@1': round(float((rank == 1).mean()), 4), 'recall@10': round(float((rank <= 10).mean()), 4), 'mrr': round(float((1 / rank).mean()), 4)}


def cached(embed: Embed) -> Embed:
    """The sets share most of their passages: each text is embedded once."""
    known: dict[str, np.ndarray] = {}

    def lookup(texts: list[str]) -> np.ndarray:
        new = [t for t in dict.fromkeys(texts) if t not in known]
        if new:
            known.update(zip(new, embed(new)))
        return np.stack([known[t] for t in texts])

    return lookup


def main(mode: str, work: pathlib.Path, tables: list[str]) -> None:
    from table import Table, write
    if mode == 'dev':
        for path in tables:
            embed = cached(Table(pathlib.Path(path)).embed)
            rows = {name: figures(embed, judged) for name, judged in dev_sets(work).items()}
            print(path, {name: (f['recall@1'], f['recall@10'], f['mrr']) for name, f in rows.items()}, 'mean', np.mean([f['recall@10'] for f in rows.values()]).round(4))
        return
    from distill import plain, vocabulary
    from teacher import Teacher
    write(work / 'plain.bin', 'plain', vocabulary(work), plain(work))
    columns = {'teacher': cached(Teacher(work).embed), 'plain': cached(Table(work / 'plain.bin').embed)}
    judged = evaluation_sets()
    out = {column: {name: figures(embed, one) for name, one in judged.items()} for column, embed in columns.items()}
    made = 'python src/embedding/builtin/make/judge.py teacher WORK'
    body = ',\n'.join(f'  "{column}": {{\n' + ',\n'.join(f'    "{n}": {json.dumps(f)}' for n, f in rows.items()) + '\n  }' for column, rows in out.items())
    (EVALUATION.parent / 'reference.json').write_text(f'{{\n  "made": "{made}",\n{body}\n}}\n')
    print(body)


if __name__ == '__main__':
    main(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:])
