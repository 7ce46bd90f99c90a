import type { Command } from 'commander'
import { command, wholeNumber, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { UsageError } from '../exit.ts'
import { interruptible } from '../interrupt.ts'
import { plain, standardInput, table } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'

interface Flags extends HiveFlags {
  json?: boolean
  as?: string
}

export function roomsCommand(cli: Cli): Command {
  const rooms = command('rooms', 'look into rooms and talk in them, also while other processes use them', ['rooms ls', 'rooms tail main_hall --follow', 'rooms post main_hall "How is it tested?"', 'rooms dead main_hall'])
  rooms.addCommand(listCommand(cli))
  rooms.addCommand(tailCommand(cli))
  rooms.addCommand(postCommand(cli))
  rooms.addCommand(deadCommand(cli))
  rooms.addCommand(replayCommand(cli))
  return rooms
}

function listCommand(cli: Cli): Command {
  return withHive(command('ls', 'list the rooms', ['rooms ls', 'rooms ls --json']))
    .option('--as <member>', 'also list the private rooms of this member')
    .option('--json', 'print JSON')
    .action((flags: Flags) => withOpenHive(cli.io, flags, async (hive) => {
      const found = []
      for (let after: string | undefined; ;) {
        const page = await hive.rooms.list({ limit: 200, ...(after !== undefined && { after }), ...(flags.as !== undefined && { as: flags.as }) })
        for (const { name, visibility } of page) {
          const info = await hive.store.log.info(name)
          if (info !== undefined) found.push({ room: name, visibility, messages: info.entries, bytes: info.bytes, groups: info.groups, members: info.members.length, dead: info.dead, last: info.last })
        }
        if (page.length < 200) break
        after = page.at(-1)?.name
      }
      if (flags.json) cli.io.json(found)
      else if (found.length === 0) cli.io.out('no rooms yet: "hivemind rooms post NAME TEXT" opens one')
      else cli.io.out(table([['room', 'visibility', 'messages', 'KB', 'pending', 'dead'], ...found.map((room) => [
        plain(room.room), room.visibility, String(room.messages), String(Math.ceil(room.bytes / 1024)), String(room.groups.reduce((sum, group) => sum + group.pending, 0)), String(room.dead),
      ])]))
    }))
}

interface TailFlags extends Flags {
  lines: number
  follow?: boolean
}

function tailCommand(cli: Cli): Command {
  return withHive(command('tail', 'print the newest messages of a room', ['rooms tail main_hall', 'rooms tail main_hall -n 100 --json', 'rooms tail main_hall --follow']))
    .argument('<room>')
    .option('-n, --lines <count>', 'messages to begin with', wholeNumber(0), 20)
    .option('-f, --follow', 'go on with new messages as they come, until Ctrl-C')
    .option('--as <member>', 'who is reading; needed for rooms that are not public')
    .option('--json', 'print one JSON object per message')
    .action((name: string, flags: TailFlags) => withOpenHive(cli.io, flags, async (hive) => {
      const { tailRoom } = await import('../tail.ts')
      const tail = await tailRoom(hive, name, { ...(flags.as !== undefined && { as: flags.as }), lines: flags.lines, print: (message) => cli.io.out(flags.json ? JSON.stringify(message) : spoken(message)) })
      if (flags.follow) await interruptible(cli.io, (signal) => tail.follow(AbortSignal.any([signal, cli.io.closed])), { quiet: true })
    }))
}

/** A message for a person: its text where it has one. */
function spoken(message: { time: number; source: string; type: string; data: unknown }): string {
  const time = new Date(message.time).toISOString().slice(11, 19)
  const text = (message.data as { text?: unknown } | null)?.text
  const said = typeof text === 'string' ? plain(text) : plain(JSON.stringify(message.data) ?? '').slice(0, 500)
  return `${time} ${plain(message.source)} ${message.type === 'text' ? '' : `(${message.type}) `}${said.replaceAll('\n', '\n         ')}`
}

interface PostFlags extends Flags {
  type: string
  data?: string
  id?: string
}

function postCommand(cli: Cli): Command {
  return withHive(command('post', 'say something in a room; opens it when it is new', [
    'rooms post main_hall "How is it tested?"', 'rooms post main_hall --type text --data \'{"text":"hello"}\'', 'echo hello | hivemind rooms post main_hall -',
  ]))
    .argument('<room>')
    .argument('[text...]', 'what is said; "-" reads it from standard input')
    .option('--type <type>', 'message type', 'text')
    .option('--data <json>', 'the data of the message, instead of a text')
    .option('--id <id>', 'idempotency key: the same id is stored once')
    .option('--as <member>', 'who is speaking', process.env.USER || 'visitor')
    .option('--json', 'print JSON')
    .action((name: string, words: string[], flags: PostFlags) => withOpenHive(cli.io, flags, async (hive) => {
      if ((flags.data === undefined) === (words.length === 0)) throw new UsageError('give either a text or --data')
      const data = flags.data === undefined ? { text: words.length === 1 && words[0] === '-' ? await standardInput() : words.join(' ') } : parseData(flags.data)
      const room = await hive.room(name, { as: flags.as })
      const posted = await room.post(flags.type, data, flags.id === undefined ? {} : { id: flags.id })
      if (flags.json) cli.io.json(posted)
      else cli.io.out(`posted ${posted.entry ?? '(kept until the shared store is back)'}${posted.duplicate ? ' (it was there already)' : ''}`)
    }))
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`--data is no JSON: ${(error as Error).message}`)
  }
}

function deadCommand(cli: Cli): Command {
  return withHive(command('dead', 'list messages that failed too often', ['rooms dead main_hall', 'rooms dead main_hall --json']))
    .argument('<room>')
    .option('--as <member>', 'who is reading')
    .option('--json', 'print JSON')
    .action((name: string, flags: Flags) => withOpenHive(cli.io, flags, async (hive) => {
      const { existingRoom } = await import('../tail.ts')
      const dead = await (await existingRoom(hive, name, flags.as)).deadLetters({ count: 1000 })
      if (flags.json) cli.io.json(dead)
      else if (dead.length === 0) cli.io.out('none')
      else cli.io.out(table([['dead', 'original', 'group', 'attempts', 'reason'], ...dead.map((letter) => [letter.entry, letter.original, plain(letter.group), String(letter.attempts), plain(letter.reason)])]))
    }))
}

function replayCommand(cli: Cli): Command {
  return withHive(command('replay', 'post dead messages again', ['rooms replay main_hall', 'rooms replay main_hall 1763600000000-4']))
    .argument('<room>')
    .argument('[entry...]', 'which (as "rooms dead" lists them); all without')
    .option('--as <member>', 'who is asking')
    .option('--json', 'print JSON')
    .action((name: string, entries: string[], flags: Flags) => withOpenHive(cli.io, flags, async (hive) => {
      const { existingRoom } = await import('../tail.ts')
      const replayed = await (await existingRoom(hive, name, flags.as)).replay(entries.length === 0 ? undefined : entries)
      if (flags.json) cli.io.json({ replayed })
      else cli.io.out(`${replayed} posted again`)
    }))
}
