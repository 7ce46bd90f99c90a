"""The derived part of the evaluation sets, from the sources with the role `eval` (WORK/eval.jsonl, by corpus.py).

Writes into test/bench/embedding/sets: passages.jsonl {id, text, from}, and the derived queries {q, id}:
paraphrase-options (libcurl: an option's one-line name against its description), question-docs (heading -> text under
it) and question-code (docstring -> code without it). The other files there are written by hand.
"""
import json
import pathlib
import random
import re
import sys
from collections import Counter

from corpus import HERE, files
from extract import man

SETS = HERE.parents[3] / 'test' / 'bench' / 'embedding' / 'sets'
DOCS = {'sqlite3-doc': 640, 'fastify': 330, 'python-tornado-doc': 230, 'python-click-doc': 160, 'commander': 40, 'p-queue': 30}
CODE = {'networkx': 380, 'rich': 190, 'tornado': 130, 'more-itertools': 90, 'click': 80, 'invoke': 60, 'fastify': 30, 'apscheduler': 30, 'execa': 30, 'commander': 20}
BARE = re.compile(r'^(description|overview|introduction|notes?|examples?|usage|parameters|returns?|synopsis|history|see also|\w+ \d+, \d{4}|version|changes?\b.*\d)\b', re.I)


def wordy(text: str) -> bool:
    return sum(c.isalpha() or c == ' ' for c in text) > 0.8 * len(text)


def options(work: pathlib.Path, source: dict[str, str]) -> list[tuple[str, str]]:
    """(one line of NAME, first sentences of DESCRIPTION) of every CURLOPT page, the option's own name taken out."""
    found = []
    for name, text in files(source, work):
        if not re.search(r'/CURL(M?OPT|INFO)_\w+\.3', name):
            continue
        parts: dict[str, str] = {}
        for path, words in man(text):
            parts.setdefault(path[0] if path else '', words)
        short = re.sub(r'^[\w, ]+ - ', '', parts.get('Name', ''))
        long = re.sub(r'\bCURL\w+', 'this', parts.get('Description', ''))
        long = ' '.join(re.split(r'(?<=[.!?])\s+', long)[:2])[:300]
        if len(short.split()) > 2 and len(long.split()) > 7 and short.lower() not in long.lower():
            found.append((short, long))
    return found


def main(work: pathlib.Path) -> None:
    random_ = random.Random(8)
    records = [json.loads(line) for line in (work / 'eval.jsonl').read_text('utf-8').splitlines()]
    sources = {s['name']: s for s in json.loads((HERE / 'sources.json').read_text())}
    passages: list[dict[str, str]] = []
    queries: dict[str, list[dict[str, str]]] = {'paraphrase-options': [], 'question-docs': [], 'question-code': []}

    def add(prefix: str, text: str, source: str) -> str:
        name = f'{prefix}{sum(p["id"][0] == prefix for p in passages)}'
        passages.append({'id': name, 'text': text, 'from': source})
        return name

    for kind, wanted, queried, prefix in (('section', DOCS, 'question-docs', 'd'), ('code', CODE, 'question-code', 'k')):
        heads = Counter(r['q'].lower() for r in records if r['k'] == kind)
        chosen = []
        for source, count in wanted.items():
            fit = [r for r in records if r['s'] == source and r['k'] == kind and r['q'] and 80 < len(r['p']) and (kind == 'code' or wordy(r['p']))]
            chosen += [{**r, 'p': r['p'][:420]} for r in fit[:count]]
        random_.shuffle(chosen)
        for r in chosen:
            name = add(prefix, r['p'], r['s'])
            clear = (3 if prefix == 'd' else 4) <= len(r['q'].split()) <= 25 and wordy(r['q']) and not BARE.match(r['q']) and heads[r['q'].lower()] == 1
            if clear and r['q'].lower().rstrip('.') not in r['p'].lower() and len(queries[queried]) < 240:
                queries[queried].append({'q': r['q'], 'id': name})
    pairs = options(work, sources['libcurl4-doc'])
    random_.shuffle(pairs)
    for short, long in pairs[:330]:
        name = add('c', long, 'libcurl4-doc')
        if len(queries['paraphrase-options']) < 210:
            queries['paraphrase-options'].append({'q': short, 'id': name})
    sentences = [r for r in records if r['k'] == 'cloze' and 40 < len(r['q']) < 200 and wordy(r['q']) and r['q'][0].isupper()]
    for r in sentences[:1700]:
        add('s', r['q'], r['s'])
    SETS.mkdir(parents=True, exist_ok=True)
    for name, rows in {'passages': passages, **queries}.items():
        (SETS / f'{name}.jsonl').write_text(''.join(json.dumps(r, ensure_ascii=False) + '\n' for r in rows))
        print(name, len(rows))


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
