// Holds the one-way layering and forbids import circles. Prints every breach as file -> file and exits 1.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const compositionRoot = 'src/hive.ts'

/** Layer -> what it may import besides itself. 'hivemind' stands for the public API. */
const allowed = {
  src: ['machines'],
  actors: ['src', 'machines'],
  machines: [],
  scenarios: ['hivemind'],
}
const rules = [
  ['machines import only xstate and types of src/messages', (from, to, typeOnly) => layerOf(from) === 'machines' && layerOf(to) === 'src' && to.startsWith('src/messages/') && typeOnly],
  ['the composition root may import actors', (from, to) => from === compositionRoot && layerOf(to) === 'actors'],
]

const files = Object.keys(allowed).flatMap((folder) => walk(folder))
const graph = new Map()
const problems = []

for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8')
  const edges = new Set()
  for (const match of text.matchAll(/^\s*(import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm)) {
    const specifier = match[3] ?? match[4]
    const typeOnly = Boolean(match[2])
    if (layerOf(file) === 'machines' && !specifier.startsWith('.') && specifier !== 'xstate') problems.push(`${file} imports ${specifier}: machines import only xstate`)
    if (specifier === 'hivemind' || specifier.startsWith('hivemind/')) {
      if (!allowed[layerOf(file)].includes('hivemind')) problems.push(`${file} imports the package by name: only scenarios do`)
      continue
    }
    if (!specifier.startsWith('.')) continue
    const target = relative(root, resolve(root, dirname(file), specifier))
    if (!match[4]) edges.add(target)
    const from = layerOf(file)
    const to = layerOf(target)
    if (from !== to && !allowed[from].includes(to) && !rules.some(([, test]) => test(file, target, typeOnly))) {
      problems.push(`${file} -> ${target}: ${from} may import only ${[from, ...allowed[from]].join(', ')}`)
    }
  }
  graph.set(file, edges)
}

problems.push(...circles())
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
console.log(`layering: ${files.length} files, one way, no import circles`)

function layerOf(file) {
  return file.split('/')[0]
}

function walk(folder) {
  let entries
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return walk(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })
}

function circles() {
  const state = new Map()
  const found = []
  const visit = (file, path) => {
    if (state.get(file) === 'done' || !graph.has(file)) return
    if (state.get(file) === 'open') {
      found.push(`import circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
      return
    }
    state.set(file, 'open')
    for (const next of graph.get(file)) visit(next, [...path, file])
    state.set(file, 'done')
  }
  for (const file of graph.keys()) visit(file, [])
  return found
}
