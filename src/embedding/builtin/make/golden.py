"""Golden vectors for the Node runtime: texts -> what this table gives with the reference tokenizer.

Written to ../golden.json: {model, checksum, scale, cases: [{text, repeat?, tokens, vector}]}. The text is `text`
repeated `repeat` times; `tokens` counts what was pooled; `vector` is base64 of little-endian int16, value / 32767.
"""
import base64
import json
import pathlib
import sys

import numpy as np
from table import Table

HARD = [
    '', ' ', '\n\t\r ', '.', '...', '!?', '[CLS]', '[SEP] [MASK]', '[UNK]', '[unused12]', '##ing', '# # ing', '\u0000', 'a\u0000b', '\ufffd',
    'soft\u00adhyphen', 'zero\u200bwidth\u200cjoin\u200d', '\ufeffbom first', 'line\u2028separator\u2029end', 'bell\u0007 and escape \u001b[31mred\u001b[0m',
    'non\u00a0breaking\u202fspace\u3000wide', 'tab\tseparated\tvalues', 'CRLF\r\nline\r\n', '\u0085next line', '\u001cfile separator\u001f',
    'Café crème brûlée', 'Cafe\u0301 cre\u0300me', 'ÀÉÎÕÜ àéîõü', 'Straße GROSS ẞ', 'İstanbul ISTANBUL ıstanbul', 'ΑΒΓ Σίσυφος ΟΔΟΣ', 'Привет, мир!',
    'ЁЖИК ёжик Й й', 'שָׁלוֹם עולם', 'مرحبا بالعالم', 'السَّلَامُ عَلَيْكُمْ', 'नमस्ते दुनिया', 'สวัสดีชาวโลก', '你好，世界', '東京都に住んでいます', 'カタカナ ｶﾀｶﾅ ガ が',
    '안녕하세요 세계', '각 \u1100\u1161\u11a8', '𠀀𠀁 rare ideographs 豈', '㐀 extension A', 'ﬁ ligature ﬂ', 'ｆｕｌｌ ｗｉｄｔｈ', '½ ⅓ ² ³ ™ ℡ №', 'µ μ Ω Ω Å Å', '€100 £20 ¥3 ₿1',
    '😀 smile', '👩‍👩‍👧‍👦 family', '🇩🇪 flag', '👍🏽 tone', '🏳️‍🌈', 'emoji😀inside😀word', '→ ⇒ ∀ ∃ ∈ ≤ ≥ ≠ ∞', '“quoted” ‘single’ – dash — em … dots', 'naïve coöperate façade',
    'l\u0336i\u0336n\u0336e\u0336d out', 'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤a̴̵l̴g̶o', '\u202eright to left override', '\u0130', '\u0149', '\u01c5', '\u03c2 \u03c3', '\u1e9e', '\ufb03', '\u2126', '\u212a kelvin',
    '\ue000 private use', '\U000f0000 plane 15', '\U0001d49c\U0001d4b7 script letters', '\U0001f9ff', 'x' * 99, 'x' * 100, 'x' * 101, 'é' * 100, 'e\u0301' * 100,
    'a-b_c.d/e\\f:g;h', 'a+b=c*d/e%f^g&h|i~j`k', '$x @y #z "q" \'s\' <t> {u} [v] (w)', '`code` **bold** _it_', "don't can't it's o'clock", 'U.S.A. e.g. i.e. etc.',
]
CODE = [
    'def add(a: int, b: int) -> int:\n    return a + b', 'const x = await fetch(url, { method: "POST" })', 'SELECT id, name FROM users WHERE age >= 18 ORDER BY name LIMIT 10;',
    'npm install --save-dev typescript@7.0.2', 'git rebase -i HEAD~3 && git push --force-with-lease', '{"key": [1, 2.5, -3e10, null, true]}', 'if (a !== b && !c?.d) { return a ?? b }',
    'Traceback (most recent call last):\n  File "x.py", line 3, in <module>\nKeyError: \'name\'', 'Error: listen EADDRINUSE: address already in use :::3000', "TypeError: Cannot read properties of undefined (reading 'map')",
    'https://example.com/a/b?c=d&e=f#g', 'user.name+tag@example.co.uk', '/usr/local/lib/node_modules/npm/bin/npm-cli.js', 'C:\\Program Files\\nodejs\\node.exe', '192.168.0.1:8080', '::1 fe80::1%eth0',
    '2026-11-20T13:37:00.123Z', '3f2504e0-4f89-11d3-9a0c-0305e82c3301', 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '0xDEADBEEF 0b1010 0o755 1_000_000 1e-9',
    'camelCaseIdentifier PascalCaseType snake_case_name SCREAMING_SNAKE kebab-case-name', 'fn main() { println!("{}", x.unwrap_or_default()); }', 'public static void main(String[] args) throws IOException', '#include <stdio.h>\nint main(void) { return 0; }',
    '<div class="a b" id=\'c\'>text &amp; more</div>', '.btn:hover > a::before { color: #fff; margin: 0 auto !important }', 'version: "3"\nservices:\n  web:\n    image: nginx:1.25', 'for i in $(seq 1 10); do echo "$i" >> out.txt 2>&1; done',
    '^(?:[a-z0-9]+(?:-[a-z0-9]+)*)$', '\\frac{a}{b} + \\sqrt{x^2}', '| a | b |\n|---|---|\n| 1 | 2 |', '- [ ] task one\n- [x] task two', '// comment\n/* block */ # hash -- sql', 'import type { Clock } from \'../kernel/clock.ts\'',
    'lambda x: x ** 2', 'ZADD leaderboard 100 alice', 'docker run --rm -it -v "$PWD":/app -w /app node:20 npm test', 'kubectl get pods -n kube-system -o wide', 'curl -sSL -H "Authorization: Bearer xyz" https://api.example.com/v1/items | jq .',
    'chmod 644 file; chown -R root:root /etc', 'WHERE "createdAt" > now() - interval \'7 days\'', '@app.route("/users/<int:id>", methods=["GET"])', 'x = [i for i in range(10) if i % 2 == 0]', 'Ctrl+C, Alt-F4, ⌘K', 'v1.2.3-beta.4+build.5',
]
PROSE = [
    'The deploy failed because the access token had expired.', 'Remember that the staging database lives on the second host.', 'How do I undo the last commit without losing my changes?', 'User prefers tabs over spaces.',
    'We decided to keep Redis for coordination and SQLite for a single machine.', 'Tests must not sleep; wait for a signal instead.', 'The quick brown fox jumps over the lazy dog.', 'Wer rastet, der rostet.', 'Il faut cultiver notre jardin.',
    'El perro de San Roque no tiene rabo.', 'Nel mezzo del cammin di nostra vita', 'Kto rano wstaje, temu Pan Bóg daje.', 'Příliš žluťoučký kůň úpěl ďábelské ódy', 'Đây là một câu tiếng Việt có dấu.', 'Türkçe büyük İ ve küçük ı harfleri',
    'antidisestablishmentarianism', 'pneumonoultramicroscopicsilicovolcanoconiosis', 'supercalifragilisticexpialidocious and floccinaucinihilipilification', 'the', 'the the the the', 'a', 'I', 'no', '42', '3.14159', '1,000,000.00',
    'What is the capital of France?', 'Paris is the capital of France.', 'A man is playing a guitar.', 'Someone plays an instrument.', 'It was the best of times, it was the worst of times.', 'To be, or not to be, that is the question:',
    'memory', 'Memory', 'MEMORY', ' memory ', 'memory.', 'mem ory', 'the connection was refused by the server', 'server refused connection',
]
LONG = [('word ', 511), ('word ', 512), ('word ', 513), ('word ', 20000), ('The lease is renewed every second. ', 200), ('é漢😀 ', 3000), ('x', 100000), ('ab ', 256), ('[SEP]', 400), ('  \n', 5000), ('naïve-', 600), ('未', 600)]


def cases() -> list[tuple[str, int]]:
    mixed = [f'{a}\n\n{b}' for a, b in zip(PROSE[:12], CODE[:12])] + [f'{b} {a}' for a, b in zip(HARD[24:36], PROSE[20:32])]
    return [(text, 1) for text in HARD + CODE + PROSE + mixed] + LONG


def main(table: pathlib.Path) -> None:
    read = Table(table)
    listed = cases()
    ids = read.ids([text * times for text, times in listed])
    vectors = read.embed([text * times for text, times in listed])
    lines = []
    for (text, times), row, vector in zip(listed, ids, vectors):
        packed = base64.b64encode(np.rint(vector * 32767).astype('<i2').tobytes()).decode()
        lines.append(json.dumps({'text': text, **({'repeat': times} if times > 1 else {}), 'tokens': len(row), 'vector': packed}))
    head = json.dumps({'model': read.model, 'checksum': table.read_bytes()[-32:].hex(), 'scale': 32767})
    out = table.parent / 'golden.json'
    out.write_text(head[:-1] + ', "cases": [\n' + ',\n'.join(lines) + '\n]}\n')
    print(f'{len(lines)} cases, {out.stat().st_size} bytes')


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
