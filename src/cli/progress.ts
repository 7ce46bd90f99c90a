import { systemClock } from '../kernel/clock.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Progress } from '../scenario/progress.ts'
import { plain } from './io.ts'
import type { Io } from './io.ts'

const redrawMs = 100
const lineEveryMs = 5_000

interface Present {
  name: string
  from: number
  done?: number
  total?: number
  unit?: string
  detail?: string
}

/** Progress on stderr: one line redrawn in place on a terminal, plain lines elsewhere, nothing there with `quiet`. */
export function terminalProgress(io: Io, options: { quiet?: boolean; clock?: Clock } = {}): Progress {
  const clock = options.clock ?? systemClock
  return io.stderrIsTerminal ? drawn(io, clock) : options.quiet ? { step: () => {}, update: () => {}, note: () => {}, end: () => {} } : printed(io, clock)
}

function drawn(io: Io, clock: Clock): Progress {
  let present: Present | undefined
  let lastDrawn = -Infinity
  const clear = (): void => io.draw('\r\x1b[2K')
  const finish = (): void => {
    if (present === undefined) return
    clear()
    io.err(`${describe(present)}  ${seconds(clock.monotonic() - present.from)}`)
    present = undefined
  }
  return {
    step(name) {
      finish()
      present = { name, from: clock.monotonic() }
      io.draw(`${plain(name)} ...`)
      lastDrawn = clock.monotonic()
    },
    update(state) {
      if (present === undefined) return
      Object.assign(present, state)
      if (clock.monotonic() - lastDrawn < redrawMs) return
      lastDrawn = clock.monotonic()
      clear()
      io.draw(`${describe(present)} ${rate(present, clock)}`.slice(0, io.columns() - 1))
    },
    note(text) {
      clear()
      io.err(plain(text))
    },
    end: finish,
  }
}

function printed(io: Io, clock: Clock): Progress {
  let present: Present | undefined
  let lastPrinted = -Infinity
  const finish = (): void => {
    if (present !== undefined) io.err(`${describe(present)}  ${seconds(clock.monotonic() - present.from)}`)
    present = undefined
  }
  return {
    step(name) {
      finish()
      present = { name, from: clock.monotonic() }
      lastPrinted = present.from
    },
    update(state) {
      if (present === undefined) return
      Object.assign(present, state)
      if (clock.monotonic() - lastPrinted < lineEveryMs) return
      lastPrinted = clock.monotonic()
      io.err(`${describe(present)} ${rate(present, clock)}`)
    },
    note: (text) => io.err(plain(text)),
    end: finish,
  }
}

function describe({ name, done, total, unit = '', detail }: Present): string {
  const count = done === undefined ? '' : `  ${done.toLocaleString('en')}${total === undefined || total === done ? '' : ` of ${total.toLocaleString('en')}`} ${unit}`.trimEnd()
  return plain(`${name}${count}${detail === undefined ? '' : `  ${detail}`}`)
}

function rate({ done, from }: Present, clock: Clock): string {
  const passed = (clock.monotonic() - from) / 1000
  return done === undefined || passed < 1 ? '' : `(${Math.round(done / passed).toLocaleString('en')}/s)`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
