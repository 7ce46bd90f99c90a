import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** Answers commands (their names in lower case) in real RESP from a table of replies: a server of a version that is not on PATH. */
export async function startRespStub(replyTo: (command: readonly string[]) => string | undefined): Promise<{ url: string; seen: string[][]; stop(): Promise<void> }> {
  const seen: string[][] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (;;) {
        const parsed = readCommand(text)
        if (parsed === undefined) return
        text = text.slice(parsed.length)
        parsed.command[0] = (parsed.command[0] as string).toLowerCase()
        seen.push(parsed.command)
        socket.write(replyTo(parsed.command) ?? `-ERR unknown command '${parsed.command[0]}'\r\n`)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`,
    seen,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/** The first whole command of the text (an array of bulk strings, one character per byte), with its length. */
function readCommand(text: string): { command: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return undefined
  let at = head[0].length
  const command: string[] = []
  for (let index = 0; index < Number(head[1]); index++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at))
    if (size === null) return undefined
    at += size[0].length
    if (text.length < at + Number(size[1]) + 2) return undefined
    command.push(text.slice(at, at + Number(size[1])))
    at += Number(size[1]) + 2
  }
  return { command, length: at }
}
