import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * Starts a worker thread from a module of this package, named without its ending (`new URL('./worker/main', import.meta.url)`).
 * In the built package it is JavaScript; run from source it needs a loader, and this one starts quickest.
 */
export function startThread(module: URL, options: WorkerOptions & { name: string }): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL(`${module.href}.js`), { execArgv: [], ...options })
  const loader = createRequire(import.meta.url).resolve('tsx/cjs')
  const source = fileURLToPath(new URL(`${module.href}.ts`))
  return new Worker(`require(${JSON.stringify(loader)}); require(${JSON.stringify(source)})`, { execArgv: [], ...options, eval: true })
}
