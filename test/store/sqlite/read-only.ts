// Child process of faults.test.ts: opens a read-only folder as somebody who is not root, and prints the error.
import { openDatabaseFile } from '../../../src/store/sqlite/worker/database-file.ts'

if (process.getuid?.() === 0) {
  process.setegid?.(65_534)
  process.seteuid?.(65_534)
}
try {
  openDatabaseFile({ dataDir: process.argv[2]!, durability: 'process', now: 0 }).connection.close()
  console.log(JSON.stringify({ code: 'none', message: 'it was opened' }))
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  console.log(JSON.stringify({ code, message }))
}
