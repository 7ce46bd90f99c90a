"""Documents -> records {k: kind, q: query or '', p: passage}: headings with their text, docstrings with their code."""
import ast
import gzip
import pathlib
import random
import re
from collections.abc import Iterator

MAX = 600
Record = dict[str, str]
Block = tuple[list[str], str]


def clean(text: str) -> str:
    return re.sub(r'\s+', ' ', text).strip()


def read(path: pathlib.Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == '.gz' else data).decode('utf-8', 'replace')


# --- prose ------------------------------------------------------------------------------------------------------------

def html(text: str) -> Iterator[Block]:
    """(heading path, paragraph) of an HTML page, navigation left out."""
    from lxml import html as parser
    try:
        root = parser.document_fromstring(re.sub(r'^<\?xml[^>]*\?>', '', text))
    except Exception as error:
        raise ValueError(f'not HTML: {error}') from error
    skip = {'script', 'style', 'nav', 'footer', 'header', 'head', 'svg', 'form'}
    leaf = {'p', 'li', 'pre', 'dd', 'dt', 'td', 'th', 'blockquote', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'}
    path: list[str] = []

    def walk(node: object) -> Iterator[Block]:
        for child in node:
            tag = child.tag
            if not isinstance(tag, str) or tag in skip or re.search(r'sidebar|navigation|related|toctree|headerlink|footer|toc\b', child.get('class') or ''):
                continue
            if tag in leaf and not any(isinstance(d.tag, str) and d.tag in ('p', 'ul', 'ol', 'dl', 'pre', 'table') for d in child.iterdescendants()):
                words = clean(child.text_content().replace('¶', ' '))
                if tag[0] == 'h' and len(tag) == 2:
                    level = int(tag[1])
                    del path[level - 1:]
                    path.append(re.sub(r'^[\d.]+\s+|#$|ⓘ.*|\[src\]', '', words))
                elif words:
                    yield list(path), words
            else:
                yield from walk(child)

    yield from walk(root)


def markdown(text: str) -> Iterator[Block]:
    """(heading path, paragraph or fenced code) of Markdown or MDX."""
    text = re.sub(r'^---\n.*?\n---\n', '', text, flags=re.S)
    path: list[str] = []
    buffer: list[str] = []
    fenced = False
    for line in [*text.split('\n'), '']:
        if line.lstrip().startswith('```'):
            fenced = not fenced
            continue
        heading = None if fenced else re.match(r'(#{1,6})\s+(.*)', line)
        if heading or (not fenced and not line.strip()):
            if buffer:
                words = plain(' '.join(buffer))
                if words:
                    yield list(path), words
                buffer = []
            if heading:
                del path[len(heading[1]) - 1:]
                path.append(plain(heading[2]).strip('# '))
        else:
            buffer.append(line)


def plain(text: str) -> str:
    text = re.sub(r'!\[[^\]]*\]\([^)]*\)|<!--.*?-->|</?[a-zA-Z][^>]*>|\{#[^}]*\}', ' ', text)
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', text)
    return clean(text.replace('**', '').replace('`', ''))


def man(text: str) -> Iterator[Block]:
    """(sections, paragraph) of roff with man or mdoc macros."""
    path: list[str] = []
    buffer: list[str] = []

    def flush() -> Iterator[Block]:
        words = clean(' '.join(buffer))
        buffer.clear()
        if words:
            yield list(path), words

    for line in text.split('\n'):
        line = re.sub(r'\\f[BIRP1-4]|\\f\([A-Z]{2}|\\[&|^)/,]|\\s[+-]?\d+', '', line)
        line = line.replace('\\-', '-').replace('\\(aq', "'").replace('\\e', '\\').replace('\\(bu', '').replace('\\ ', ' ')
        macro = re.match(r"[.']\s*([A-Za-z]+)\s*(.*)", line)
        if not macro:
            if not line.startswith(('.', "'\\")):
                buffer.append(line)
            continue
        name, rest = macro[1], macro[2].replace('"', '')
        if name in ('SH', 'SS', 'Sh', 'Ss'):
            yield from flush()
            path = [clean(rest).capitalize()]
        elif name in ('TP', 'PP', 'P', 'Pp', 'IP', 'It', 'LP', 'HP', 'sp'):
            yield from flush()
            if name in ('It', 'IP'):
                buffer.append(rest)
        elif name in ('B', 'I', 'BR', 'RB', 'IR', 'RI', 'BI', 'IB', 'Nm', 'Nd', 'Fl', 'Ar', 'Xr', 'Dv', 'Fn', 'Va', 'Cm', 'Pa', 'Em', 'Sy', 'Er', 'Ft', 'Vt', 'Li', 'Ev', 'Ic', 'Dq', 'Sq', 'Qq'):
            buffer.append(rest)
    yield from flush()


def sections(blocks: Iterator[Block], title: str = '') -> Iterator[Record]:
    """Paragraphs under one heading joined up to MAX characters; the query is the heading, with its parent when short."""
    last: list[str] | None = None
    held = ''
    for path, words in [*blocks, ([], '')]:
        if held and (path != last or len(held) + len(words) > MAX):
            yield from passage(last or [], held, title)
            held = ''
        last, held = path, (held + ' ' + words).strip()


def passage(path: list[str], text: str, title: str) -> Iterator[Record]:
    if len(text) < 60 or sum(c.isalpha() or c == ' ' for c in text) < 0.6 * len(text):
        return
    path = [p for p in ([title] if title else []) + path if p]
    head = clean(path[-1])[:120] if path else ''
    if len(head.split()) < 3 and len(path) > 1:
        head = clean(path[-2] + ' ' + head)[:120]
    yield {'k': 'section', 'q': head if len(head) > 4 else '', 'p': text[:MAX]}


# --- code -------------------------------------------------------------------------------------------------------------

def first(doc: str) -> tuple[str, str]:
    """First sentence of a docstring, and the rest."""
    doc = re.sub(r'[ \t]+', ' ', doc.strip())
    head = re.split(r'\n\s*\n', doc, maxsplit=1)
    cut = re.match(r'(.+?[.!?])\s+(?=[A-Z])', clean(head[0]))
    if cut and len(cut[1]) > 20:
        return cut[1], clean(clean(head[0])[len(cut[1]):] + ' ' + (head[1] if len(head) > 1 else ''))
    return clean(head[0])[:240], clean(head[1] if len(head) > 1 else '')


def python(text: str) -> Iterator[Record]:
    """Docstring -> code without it, docstring's first sentence -> the rest, raised messages."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = text.split('\n')
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            doc = ast.get_docstring(node)
            if not doc or len(doc) < 15:
                continue
            head, rest = first(doc)
            if len(head) < 12 or len(head.split()) < 3:
                continue
            begin, end = node.body[0].end_lineno or node.lineno, node.end_lineno or node.lineno
            code = '\n'.join([*lines[node.lineno - 1:node.body[0].lineno - 1], *lines[begin:end]])
            if isinstance(node, ast.ClassDef):
                code = lines[node.lineno - 1]
            if end - begin >= 2 and len(code) > 80:
                yield {'k': 'code', 'q': head, 'p': code[:MAX]}
            if len(rest) > 80:
                yield {'k': 'doc', 'q': head, 'p': f'{node.name}: {rest}'[:MAX]}
            elif len(doc) > 40:
                yield {'k': 'name', 'q': re.sub(r'([a-z])([A-Z])', r'\1 \2', node.name).replace('_', ' ').strip(), 'p': clean(doc)[:MAX]}
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            words = ''.join(p.value if isinstance(p, ast.Constant) and isinstance(p.value, str) else 'x'
                            for p in (node.exc.args[0].values if isinstance(node.exc.args[0], ast.JoinedStr) else [node.exc.args[0]]))
            if len(words.split()) > 4:
                kind = getattr(node.exc.func, 'id', getattr(node.exc.func, 'attr', 'Error'))
                yield {'k': 'error', 'q': '', 'p': f'{kind}: {clean(words)}'[:300]}


def typescript(text: str) -> Iterator[Record]:
    """JSDoc -> the declaration under it, its first sentence -> the rest."""
    for match in re.finditer(r'/\*\*((?:(?!\*/).){20,3000})\*/[ \t]*\n((?:[^\n]*\n){1,8})', text, re.S):
        doc = '\n'.join(re.sub(r'^\s*\* ?', '', line) for line in match[1].split('\n'))
        doc = re.sub(r'\{@link(?:code|plain)?\s+([^}|]*)[^}]*\}', r'\1', doc)
        described, _, tags = doc.partition('\n@')
        head, rest = first(plain_keep(described))
        if len(head.split()) < 3:
            continue
        code = re.split(r'\n\s*\n|/\*\*', match[2])[0].strip()
        whole = clean(rest + (' @' + tags if tags else ''))
        if len(code) > 25:
            yield {'k': 'code', 'q': head, 'p': (code + (' // ' + rest if rest and len(code) < 120 else ''))[:MAX]}
        if len(whole) > 80:
            yield {'k': 'doc', 'q': head, 'p': whole[:MAX]}


def plain_keep(text: str) -> str:
    return re.sub(r'</?[a-zA-Z][^>]*>', ' ', text.replace('`', ''))


# --- variety ----------------------------------------------------------------------------------------------------------

ASK = ['how to {}', 'how do I {}', 'how can I {}?', 'what is {}?', 'where is {} documented', '{}?', 'I need to {}', 'explain {}', 'which function does this: {}', 'remind me: {}', 'what about {}']
VERB = re.compile(r'^(Return|Get|Set|Create|Make|Build|Compute|Convert|Check|Parse|Read|Write|Add|Remove|Delete|Find|Load|Save|Run|Open|Close|Start|Stop|Update|Apply|Register|Use|Send|List|Configure|Install)(e?s)?\b', re.I)


def asked(query: str, random_: random.Random) -> str:
    """A third of the queries get the words people ask with, so that training learns to look past them."""
    if not query or random_.random() > 0.33:
        return query
    verb = VERB.match(query)
    text = query.rstrip('.')
    if verb:
        text = verb[1].lower() + text[verb.end():]
        return random_.choice(ASK[:3] + ASK[5:7]).format(text)
    return random_.choice(ASK[3:]).format(text)


def cloze(text: str, random_: random.Random) -> tuple[str, str] | None:
    """Inverse cloze: one sentence as the query, the others as the passage."""
    parts = [p for p in re.split(r'(?<=[.!?])\s+(?=[A-Z])', text) if p]
    long = [i for i, p in enumerate(parts) if 5 <= len(p.split()) <= 30]
    if len(parts) < 3 or not long:
        return None
    at = random_.choice(long)
    return parts[at], ' '.join(parts[:at] + parts[at + 1:])
