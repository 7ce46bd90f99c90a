import type { Hive } from '../hive.ts'
import { HivemindError, RoomUnknown } from '../kernel/errors.ts'

type Room = Awaited<ReturnType<Hive['room']>>
export type RoomMessage = Awaited<ReturnType<Room['history']>>['messages'][number]

export interface TailOptions {
  as?: string
  /** How many of the newest messages to begin with. */
  lines: number
  print(message: RoomMessage): void
}

export interface Tail {
  /**
   * Goes on with messages as they are posted, by any process, until the signal aborts. Leaves no cursor behind.
   * What may pass by itself (a store that is away) is waited for.
   */
  follow(signal: AbortSignal): Promise<void>
}

const pageSize = 200

/** A room that is there; looking at one must not make it. */
export async function existingRoom(hive: Hive, name: string, as?: string): Promise<Room> {
  if (await hive.store.log.info(name) === undefined) throw new RoomUnknown(name)
  return hive.room(name, as === undefined ? {} : { as })
}

/** Prints the newest messages of a room. */
export async function tailRoom(hive: Hive, name: string, options: TailOptions): Promise<Tail> {
  const room = await existingRoom(hive, name, options.as)
  let position = '0-0'
  const newest: RoomMessage[] = []
  for (let before: string | undefined; newest.length < Math.max(options.lines, 1);) {
    const page = await room.history({ reverse: true, limit: Math.min(pageSize, Math.max(options.lines, 1) - newest.length), ...(before !== undefined && { before }) })
    newest.push(...page.messages)
    if (page.next === undefined) break
    before = page.next
  }
  position = newest[0]?.entry ?? position
  for (const message of newest.slice(0, options.lines).reverse()) options.print(message)

  const readOn = async (): Promise<void> => {
    for (;;) {
      const { messages } = await room.history({ after: position, limit: pageSize })
      for (const message of messages) {
        position = message.entry
        options.print(message)
      }
      if (messages.length < pageSize) return
    }
  }
  return {
    follow: (signal) => new Promise((resolve, reject) => {
      let wanted = false
      let reading = false
      const ring = async (): Promise<void> => {
        wanted = true
        if (reading) return
        reading = true
        while (wanted && !signal.aborted) {
          wanted = false
          try {
            await readOn()
          } catch (error) {
            if (!(error instanceof HivemindError && error.retryable)) reject(error)
          }
        }
        reading = false
      }
      hive.store.log.listen((rooms) => {
        if (rooms.has(name)) void ring()
      }).then((listening) => {
        const end = (): void => void listening.stop().then(resolve, reject)
        if (signal.aborted) end()
        else signal.addEventListener('abort', end, { once: true })
        void ring()
      }, reject)
    }),
  }
}
