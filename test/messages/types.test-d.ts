// Checked by the compiler alone (npm run lint): what a program that uses the package may and may not write.
import { defineMessage, z, type Bus, type Catalogue, type MessagesOf } from 'hivemind'

export const buildMessages = [
  defineMessage('build.finished', z.object({ ok: z.boolean() }), { about: 'A build ended.' }),
] as const

declare module 'hivemind' {
  interface MessageMap extends MessagesOf<typeof buildMessages> {
    'build.start': { target: string }
  }
}

export function uses(bus: Bus, catalogue: Catalogue): void {
  bus.on('build.finished').subscribe(({ type, data }) => {
    const name: 'build.finished' = type
    const ok: boolean = data.ok
    return [name, ok]
  })
  bus.publish('build.start', { target: 'all' })
  // @ts-expect-error a type of the program with a wrong payload
  bus.publish('build.start', { target: 1 })
  // @ts-expect-error a built-in type with a wrong payload
  bus.publish('node.left', { node: 'n', reason: 'bored' })
  // @ts-expect-error no such field
  bus.on('room.posted').subscribe(({ data }) => data.text)
  // @ts-expect-error data of a type the compiler does not know is unknown
  bus.on('some.thing').subscribe(({ data }) => data.field)
  const text: string = catalogue.parse('text', {}).text
  bus.publish('some.thing', { text })
}
