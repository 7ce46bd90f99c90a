/**
 * What speaks MCP over stdio may write nothing but frames to stdout. Imported before anything else, this sends all that is
 * written there (console, libraries, worker threads) to stderr, and leaves `frames` as the one way out.
 */
import { Writable } from 'node:stream'

const speaksFrames = process.argv[2] === 'mcp' && !process.argv.slice(3).some((argument) => argument === '-h' || argument === '--help' || /^--http(=|$)/.test(argument))

const write = process.stdout.write.bind(process.stdout)

/** Where frames go: the real stdout. */
export const frames = new Writable({
  decodeStrings: false,
  write(chunk: Buffer | string, encoding, done) {
    write(chunk, encoding, done)
  },
})

if (speaksFrames) process.stdout.write = process.stderr.write.bind(process.stderr)
