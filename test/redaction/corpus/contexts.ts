import type { Seeded } from './seeded.ts'

/** Where a token or a line can stand. */
export const places: Record<string, (text: string, random: Seeded) => string> = {
  bare: (text) => text,
  'at the start': (text) => `${text} was what the server answered, after three tries.`,
  'at the end': (text) => `The deployment script printed this: ${text}`,
  quoted: (text) => `She pasted "${text}" into the form.`,
  backticks: (text) => `Run it with \`${text}\` and look at the log.`,
  brackets: (text) => `the value (${text}) is in the vault`,
  'log line': (text, r) => `2026-03-${10 + r.below(19)}T08:15:${10 + r.below(49)}.123Z INFO [worker-${r.below(9)}] got ${text} from upstream in ${r.below(900)} ms`,
  'several lines': (text) => `first line\nsecond line\n${text}\nlast line\n`,
  'windows lines': (text) => `first line\r\n${text}\r\nlast line\r\n`,
  indented: (text) => `  steps:\n    - run: |\n        ${text}\n`,
  code: (text) => `const client = connect('${text}', { retries: 3 })`,
  'shell command': (text) => `echo '${text}' | tee /dev/null`,
  json: (text) => JSON.stringify({ event: 'note', body: text, n: 3 }),
  'json in json': (text) => JSON.stringify({ outer: JSON.stringify({ body: text }) }),
  'json over lines': (text) => JSON.stringify({ log: `line one\n${text}\nline three` }),
  xml: (text) => `<entry><value>${text}</value></entry>`,
  'unicode around': (text) => `ключ → ${text} ← です 🔑`,
  'unicode touching': (text) => `値「${text}」です`,
  coloured: (text) => `\u001b[32m${text}\u001b[0m done`,
  comment: (text) => `// ${text}`,
  'twice': (text) => `${text}\n---\n${text}`,
}

/** Only for tokens, which have no spaces or quotes of their own. */
export const tokenPlaces: Record<string, (text: string, random: Seeded) => string> = {
  'url parameter': (text) => `GET https://api.example.com/cb?code=${encodeURIComponent(text)}&state=1`,
  assignment: (text) => `export SOMETHING=${text}`,
  csv: (text) => `alice,${text},42`,
  'end of a sentence': (text) => `It was ${text}.`,
  yaml: (text) => `something: ${text}\nother: 1`,
}

const words = (name: string): string[] => name.split(' ')
const snake = (name: string): string => words(name).join('_')
const constant = (name: string): string => snake(name).toUpperCase()
const kebab = (name: string): string => words(name).join('-')
const camel = (name: string): string => words(name).map((word, at) => (at === 0 ? word : word[0]?.toUpperCase() + word.slice(1))).join('')

/** How a name and its value are written. */
export const assignments: Record<string, (name: string, value: string) => string> = {
  env: (name, value) => `${constant(name)}=${value}`,
  export: (name, value) => `export ${constant(name)}='${value}'`,
  dotenv: (name, value) => `# settings\nPORT=80\n${constant(name)}="${value}"\nDEBUG=1\n`,
  json: (name, value) => JSON.stringify({ [camel(name)]: value, port: 1 }),
  'pretty json': (name, value) => JSON.stringify({ a: { [snake(name)]: value } }, null, 2),
  'json in json': (name, value) => JSON.stringify({ body: JSON.stringify({ [camel(name)]: value }) }),
  yaml: (name, value) => `service:\n  ${snake(name)}: ${value}\n  port: 80\n`,
  'quoted yaml': (name, value) => `  ${kebab(name)}: "${value}"`,
  typescript: (name, value) => `const ${camel(name)} = '${value}'\nuse(${camel(name)})`,
  'typed code': (name, value) => `const options: Options = { ${camel(name)}: "${value}", retries: 2 }`,
  python: (name, value) => `client = Client(host="db", ${snake(name)}="${value}")`,
  'python dictionary': (name, value) => `os.environ['${constant(name)}'] = '${value}'`,
  ruby: (name, value) => `config = { "${snake(name)}" => "${value}" }`,
  go: (name, value) => `${camel(name)} := "${value}"`,
  toml: (name, value) => `${snake(name)} = "${value}"`,
  properties: (name, value) => `spring.app.${kebab(name)}=${value}`,
  'command option': (name, value) => `tool deploy --${kebab(name)}=${value} --verbose`,
  'command option and value': (name, value) => `tool deploy --${kebab(name)} ${value} --verbose`,
  docker: (name, value) => `docker run -e ${constant(name)}=${value} image:1`,
  'log line': (name, value) => `2026-03-11 08:15:31 DEBUG connecting with ${snake(name)}=${value} host=db1`,
  'url parameter': (name, value) => `https://api.example.com/v1/x?page=2&${snake(name)}=${encodeURIComponent(value)}&z=1`,
  unicode: (name, value) => `настройка ${snake(name)}: ${value} — готово`,
}
