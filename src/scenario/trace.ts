import { closeSync, openSync, writeSync } from 'node:fs'
import type { Bus } from '../bus/bus.ts'
import type { Clock, Timer } from '../kernel/clock.ts'
import { InvalidArgument, messageOf } from '../kernel/errors.ts'
import { transitions, type Transition } from '../kernel/transitions.ts'
import { builtinMessages } from '../messages/builtin.ts'
import type { Envelope } from '../messages/envelope.ts'
import { packageVersion } from '../version.ts'

export interface TraceOptions {
  scenario: string
  clock: Clock
  /** The file does not grow beyond this; what comes later is left out, and the last line says so. Default 64 MiB. */
  limitBytes?: number
}

export interface TraceSummary {
  file: string
  lines: number
  /** Why lines are missing: the file is full, or could not be written. */
  problem?: string
}

/** A run as it is written down. */
export interface Trace {
  /** The hive is open: its node goes into the header, and the messages of its bus into the trace from now on. */
  observe(hive: { node: { id: string }; bus: Bus }): void
  /** Writes the end. Twice is harmless. */
  close(): TraceSummary
}

const flushBytes = 64 * 1024
const flushMs = 250
/** Contexts longer than this, as JSON, are left out. */
const contextChars = 2_000

/** What of the data of a message of ours only names things. */
const names = ['actor', 'incarnation', 'room', 'entry', 'node', 'role', 'fence', 'scenario', 'step']
const ours = new Set(builtinMessages.map(({ type }) => type))

/**
 * Writes a run down, a JSON object a line: a header, the messages of the bus, and every transition of every machine of this process.
 * What messages carry is left out, and of the machines of a user what their events and context carry. Written as it goes, in pieces
 * of 64 KiB or four times a second, and at the end of the process. Throws `InvalidArgument` when the file cannot be made.
 */
export function startTrace(file: string, { scenario, clock, limitBytes = 64 * 1024 ** 2 }: TraceOptions): Trace {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'w', 0o600)
  } catch (error) {
    throw new InvalidArgument('trace', `${file} cannot be written: ${messageOf(error)}`)
  }
  const instances = new WeakMap<object, { instance: number; actor: string }>()
  const startedAt = clock.now()
  let begun = 0
  let buffer = ''
  /** The first line is the header, which waits for the node. */
  let lines = 1
  let bytes = 0
  let problem: string | undefined
  let node: string | undefined
  let subscription: { unsubscribe(): void } | undefined
  let headed = false

  function flush(): void {
    if (descriptor === undefined || buffer === '') return
    if (!headed) buffer = `${text({ n: 1, kind: 'header', format: 1, scenario, version: packageVersion(), node, pid: process.pid, time: startedAt })}\n${buffer}`
    headed = true
    const piece = buffer
    buffer = ''
    try {
      writeAll(descriptor, piece)
    } catch (error) {
      problem = `${file} could not be written: ${messageOf(error)}`
      stop()
    }
  }

  function line(record: { kind: string }): void {
    if (problem !== undefined) return
    const written = `${text({ n: lines + 1, ...record })}\n`
    bytes += Buffer.byteLength(written)
    if (bytes > limitBytes) {
      problem = `it was full: more than ${limitBytes} bytes`
      buffer += `${text({ n: ++lines, kind: 'full', limitBytes })}\n`
      flush()
      stop()
      return
    }
    lines++
    buffer += written
    // What comes before the hive is open waits for the header, within reason.
    if (buffer.length >= (headed || node !== undefined ? flushBytes : 16 * flushBytes)) flush()
  }

  function onTransition(message: unknown): void {
    const transition = message as Transition
    const { machine, incarnation, event, input, snapshot, commands, foreign } = transition
    let known = instances.get(transition.instance)
    if (known === undefined) {
      if (event !== undefined) return
      known = { instance: ++begun, actor: transition.actor }
      instances.set(transition.instance, known)
    }
    line({
      kind: 'machine', time: clock.now(), machine, ...known, incarnation, foreign,
      event: foreign && event !== undefined ? nameOf(event) : event, input: foreign ? undefined : input,
      state: { value: snapshot.value, ...(snapshot.status !== 'active' && { status: snapshot.status }), ...(!foreign && small(snapshot.context)) },
      commands: commands.map(({ type, params }) => (foreign ? { type } : { type, params })),
    } as { kind: string })
  }

  function onMessage({ data, type, id, source, subject, time, correlationid, causationid }: Envelope): void {
    const about = ours.has(type) ? Object.fromEntries(names.flatMap((name) => (data as Record<string, unknown>)[name] === undefined ? [] : [[name, (data as Record<string, unknown>)[name]]])) : undefined
    line({ kind: 'message', time, type, id, source, subject, correlationid, causationid, about } as { kind: string })
  }

  let timer: Timer | undefined
  const later = (): void => {
    if (node !== undefined) flush()
    if (problem === undefined) timer = clock.timer(flushMs, later, { background: true })
  }
  const stop = (): void => {
    transitions.unsubscribe(onTransition)
    subscription?.unsubscribe()
    timer?.cancel()
  }
  const atExit = (): void => flush()
  transitions.subscribe(onTransition)
  process.once('exit', atExit)
  later()

  return {
    observe(hive) {
      node = hive.node.id
      subscription = hive.bus.all().subscribe(onMessage)
    },
    close() {
      if (descriptor !== undefined) {
        stop()
        line({ kind: 'end' })
        flush()
        process.off('exit', atExit)
        closeSync(descriptor)
        descriptor = undefined
      }
      return { file, lines, ...(problem !== undefined && { problem }) }
    },
  }
}

function writeAll(descriptor: number, piece: string): void {
  const bytes = Buffer.from(piece)
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written)
}

/** Numbers that JSON does not have are kept as text. */
function text(record: object): string {
  return JSON.stringify(record, (_key, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? { $number: String(value) } : value))
}

function small(context: unknown): { context?: unknown } {
  const length = JSON.stringify(context)?.length ?? 0
  return length > 0 && length <= contextChars ? { context } : {}
}

/** Of an event whose contents are not ours to write down: its type, and which timer it is of. */
function nameOf(event: { type: string }): object {
  const { type, id, nonce } = event as { type: string; id?: unknown; nonce?: unknown }
  return type === 'timer' && typeof nonce === 'number' ? { type, id, nonce } : { type }
}
