// The builder: a process of its own, of low priority, that ends with the one that started it.
import { setPriority } from 'node:os'
import { systemRandomness } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import { buildBase } from '../base/write.ts'
import { outcomes } from './build-outcome.ts'
import type { BuildRequest } from './build-outcome.ts'

const niceness = 10

/** Gives other things a turn: the end of the parent is noticed there. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function main(): Promise<void> {
  // The parent holds the other end for as long as it lives.
  process.stdin.resume().on('end', () => process.exit(outcomes.failed)).on('error', () => process.exit(outcomes.failed))
  setPriority(0, niceness)
  try {
    const request = JSON.parse(process.argv.at(-1)!) as BuildRequest
    process.exit(outcomes[await buildBase({ ...request, randomness: systemRandomness, pause })])
  } catch (error) {
    process.stderr.write(messageOf(error), () => process.exit(outcomes.failed))
  }
}

void main()
