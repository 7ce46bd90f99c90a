"""Fetches the sources of sources.json and writes WORK/corpus.jsonl: {s: source, k, q, p}, shuffled, no passage twice.

Sources with the role `dev` or `eval` never get in, and neither does a passage that shares twelve words in a row with
an evaluation file, whichever source it comes from.
"""
import gzip
import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator

import extract
from extract import Record

HERE = pathlib.Path(__file__).parent
EVALUATION = HERE.parents[3] / 'test' / 'bench' / 'embedding' / 'sets'
CAP = 9000
SKIP = re.compile(r'(^|/)(_?vendor(ed)?|tests?|testing|__tests__|_modules|genindex|search|locale|fixtures|node_modules)(/|\.|$)|genindex|py-modindex|html/(core|alloc|src|proc_macro|test|rustc|implementors)/')


def fetch(source: dict[str, str], work: pathlib.Path) -> pathlib.Path:
    """The archive of one source, downloaded once with its registry's own client."""
    folder = work / source['registry']
    folder.mkdir(parents=True, exist_ok=True)
    have = archive(source, folder)
    if have:
        return have
    name, version = source['name'], source['version']
    command = {
        'deb': ['apt-get', 'download', '-q', f'{name}={version}'],
        'pypi': [sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '--python-version', '3.11', f'{name}=={version}'],
        'npm': ['npm', 'pack', '--silent', '--ignore-scripts', f'{name}@{version}'],
    }[source['registry']]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    have = archive(source, folder)
    if not have:
        raise SystemExit(f'{name} {version}: fetched, but no archive of that name in {folder}')
    return have


def archive(source: dict[str, str], folder: pathlib.Path) -> pathlib.Path | None:
    name, version = source['name'], source['version']
    pattern = {
        'deb': f'{name}_{version.replace(":", "%3a")}_*.deb',
        'pypi': f'{re.sub(r"[-.]", "_", name)}-{version}-*.whl',
        'npm': f'{name.lstrip("@").replace("/", "-")}-{version}.tgz',
    }[source['registry']]
    return next((f for f in sorted(folder.iterdir()) if re.fullmatch(re.escape(pattern).replace(r'\*', '.*'), f.name, re.I)), None)


def files(source: dict[str, str], work: pathlib.Path) -> Iterator[tuple[str, str]]:
    """(path, text) of every document and source file of interest."""
    if source['registry'] == 'python':
        root = pathlib.Path(sysconfig.get_path('stdlib'))
        for path in sorted(root.rglob('*.py')):
            inside = str(path.relative_to(root))
            if not inside.startswith(('site-packages', 'idlelib', 'test', 'lib2to3')):
                yield inside, extract.read(path)
        return
    path = fetch(source, work)
    wanted = re.compile(r'\.(py|md|mdx|d\.ts|html|[1-9][a-z]*\.gz|md\.gz)$')
    if source['registry'] == 'pypi':
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if name.endswith('.dist-info/METADATA'):
                    yield name + '.md', wheel.read(name).decode('utf-8', 'replace').partition('\n\n')[2]
                elif wanted.search(name):
                    yield name, wheel.read(name).decode('utf-8', 'replace')
        return
    if source['registry'] == 'deb':
        unpack = subprocess.Popen(['dpkg-deb', '--fsys-tarfile', str(path)], stdout=subprocess.PIPE)
        stream = tarfile.open(fileobj=unpack.stdout, mode='r|')
    else:
        stream = tarfile.open(path, 'r|gz')
    with stream:
        for member in stream:
            if member.isfile() and (wanted.search(member.name) or member.name.endswith(('jargon.dict.dz', 'diagnosticMessages.generated.json'))):
                data = stream.extractfile(member).read()
                data = gzip.decompress(data) if member.name.endswith(('.gz', '.dz')) else data
                yield member.name, data.decode('utf-8', 'replace')


def records(name: str, text: str) -> Iterator[Record]:
    stem = re.sub(r'\.gz$', '', name)
    title = pathlib.PurePath(stem).name
    if stem.endswith('.py'):
        yield from extract.python(text)
    elif stem.endswith('.d.ts'):
        yield from extract.typescript(text)
    elif stem.endswith(('.md', '.mdx')):
        yield from extract.sections(extract.markdown(text), '')
    elif stem.endswith('.html'):
        yield from extract.sections(extract.html(text), '')
    elif stem.endswith('.dict.dz'):
        for entry in re.split(r'\n(?=\S)', text):
            word, _, body = entry.partition('\n')
            if len(body) > 60:
                yield {'k': 'section', 'q': extract.clean(word), 'p': extract.clean(body)[:extract.MAX]}
    else:
        yield from extract.sections(extract.man(text), title.split('.')[0])


def descriptions() -> Iterator[Record]:
    """Names and one-line descriptions of the packages apt knows here."""
    listed = subprocess.run(['apt-cache', 'dumpavail'], capture_output=True, text=True, check=True).stdout
    for name, text in re.findall(r'^Package: (.*)\n(?:.+\n)*?Description: (.*)$', listed, re.M):
        if len(text.split()) > 3 and not re.search(r'-(dbg|dbgsym|dev)$|^(linux|librust|libghc|fonts)-', name):
            yield {'k': 'section', 'q': name.replace('-', ' '), 'p': text}


def shingles(text: str, size: int = 12) -> Iterator[int]:
    words = re.findall(r'\w+', text.lower())
    for i in range(max(1, len(words) - size + 1)):
        yield hash(tuple(words[i:i + size]))


def evaluation() -> set[int]:
    seen: set[int] = set()
    for path in sorted(EVALUATION.glob('*.jsonl')):
        for line in path.read_text('utf-8').splitlines():
            for value in json.loads(line).values():
                if isinstance(value, str) and len(re.findall(r'\w+', value)) >= 12:
                    seen.update(shingles(value))
    return seen


def build(work: pathlib.Path, sources: list[dict[str, str]], role: str) -> list[Record]:
    kept_out = evaluation() if role == 'train' else set()
    seen: set[bytes] = set()
    all_records: list[Record] = []
    dropped = 0
    for source in sources:
        random_ = random.Random(f'{source["registry"]}:{source["name"]}')
        found: list[Record] = []
        cap = source.get('cap', CAP)
        listed = [('', '')] if source['name'] == 'descriptions' else [f for f in files(source, work) if len(f[1]) < 4_000_000 and not SKIP.search(f[0])]
        random_.shuffle(listed)
        for name, text in listed:
            if len(found) > 3 * cap:
                break
            try:
                found.extend(descriptions() if source['name'] == 'descriptions' else records(name, text))
            except (ValueError, RecursionError) as error:
                print(f'{source["name"]}: {name}: {error}', file=sys.stderr)
        random_.shuffle(found)
        kept = 0
        for record in found:
            key = hashlib.md5(re.sub(r'\W+', '', (record['p'] + (record['q'] if record['k'] == 'code' else '')).lower()).encode()).digest()
            if key in seen:
                continue
            seen.add(key)
            if kept_out and any(s in kept_out for s in shingles(record['p'])):
                dropped += 1
                continue
            cut = extract.cloze(record['p'], random_) if record['k'] in ('section', 'doc') and (not record['q'] or random_.random() < 0.35) else None
            if cut:
                record = {'k': 'cloze', 'q': cut[0], 'p': cut[1]}
            all_records.append({'s': source['name'], 'k': record['k'], 'q': extract.asked(record['q'], random_) if role == 'train' else record['q'], 'p': record['p']})
            kept += 1
            if kept >= cap:
                break
        print(f'{source["registry"]} {source["name"]}: {len(found)} found, {kept} kept', flush=True)
    print(f'{len(all_records)} records, {dropped} dropped because they overlap an evaluation file')
    random.Random(1).shuffle(all_records)
    return all_records


def main(work: pathlib.Path, role: str) -> None:
    sources = [s for s in json.loads((HERE / 'sources.json').read_text()) if s['role'] == role]
    out = work / ('corpus.jsonl' if role == 'train' else f'{role}.jsonl')
    with out.open('w') as sink:
        for record in build(work, sources, role):
            sink.write(json.dumps(record, ensure_ascii=False) + '\n')


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else 'train')
