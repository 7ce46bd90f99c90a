import type { Hive } from '../hive.ts'
import type { TreeNode } from '../kernel/types.ts'
import { plain, table } from './io.ts'
import type { Io } from './io.ts'

const drawnEveryMs = 500
const printedEveryMs = 5_000
const mostActors = 40
const mostRooms = 12

/** Shows the actors and rooms of a hive until it is stopped: redrawn in place on a terminal, printed anew elsewhere when something changed. */
export function liveView(io: Io, hive: Hive): { stop(): Promise<void> } {
  let stopped = false
  let shown = ''
  let lines = 0
  let drawing: Promise<void> = Promise.resolve()
  const show = async (): Promise<void> => {
    const text = await snapshot(hive)
    if (stopped || text === shown) return
    shown = text
    if (!io.stdoutIsTerminal) {
      io.out(text)
      return
    }
    const fitting = text.split('\n').map((line) => line.slice(0, io.columns() - 1)).slice(0, io.rows() - 2)
    process.stdout.write(`${lines > 0 ? `\x1b[${lines}A\x1b[J` : ''}${fitting.join('\n')}\n`)
    lines = fitting.length
  }
  const tick = (): void => {
    drawing = show().catch((error: unknown) => hive.logger.debug({ error }, 'the live view could not be drawn')).then(() => {
      if (!stopped) timer = hive.clock.timer(io.stdoutIsTerminal ? drawnEveryMs : printedEveryMs, tick)
    })
  }
  let timer = hive.clock.timer(0, tick)
  return {
    stop: async () => {
      stopped = true
      timer.cancel()
      await drawing
    },
  }
}

async function snapshot(hive: Hive): Promise<string> {
  const rooms = await roomRows(hive)
  return [actorTable(hive.system.tree()), '', ...(rooms.length === 0 ? ['no rooms'] : [table([['room', 'messages', 'pending', 'dead', 'KB'], ...rooms])])].join('\n')
}

/** The tree of actors with state, mailbox and restarts. */
export function actorTable(root: TreeNode): string {
  const rows: string[][] = []
  let left = 0
  const visit = (node: TreeNode, depth: number): void => {
    if (rows.length >= mostActors) left++
    else {
      const name = node.id.slice(node.id.lastIndexOf('/') + 1)
      rows.push([`${'  '.repeat(depth)}${plain(name)}`, node.kind, node.state, String(node.mailbox), String(node.restarts), String(node.handled)])
    }
    for (const child of node.children) visit(child, depth + 1)
  }
  visit(root, 0)
  const text = table([['actor', 'kind', 'state', 'mailbox', 'restarts', 'handled'], ...rows])
  return left > 0 ? `${text}\n... and ${left} more` : text
}

async function roomRows(hive: Hive): Promise<string[][]> {
  const names = (await hive.rooms.list({ limit: mostRooms })).map((room) => room.name)
  const infos = await Promise.all(names.map((name) => hive.store.log.info(name)))
  return infos.flatMap((info) => (info === undefined ? [] : [[
    plain(info.room), String(info.entries), String(info.groups.reduce((sum, group) => sum + group.pending, 0)), String(info.dead), String(Math.ceil(info.bytes / 1024)),
  ]]))
}
