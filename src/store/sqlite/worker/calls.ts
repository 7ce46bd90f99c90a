import { append } from './append.ts'
import { commit, openCursor, roomRecord } from './commit.ts'
import { bury, deadLettersOf, replay } from './dead-letters.ts'
import { extend, openGroup, owned, pendingOf, retry, take, takeOver } from './groups.ts'
import { acquireLease, inspectLease, releaseLease, renewLease } from './leases.ts'
import { documentsNow, documentsSince, eraseDocuments, getDocuments, listDocuments, writeDocuments } from './documents.ts'
import { changesSince, range, ringNow } from './range.ts'
import { deleteRecord, expireRecord, getRecords, putRecord, scanRecords } from './records.ts'
import { configureRoom, listRooms, openRoom, removeRoom, roomInfo } from './room-admin.ts'
import { applyDocuments, documentPage, documentVersions, emptyLog, forgetErased, journalDocuments, journalErasure, landErasure, pendingDocuments, replicaCursors, settleDocuments } from './replica.ts'
import { allRows, runAll, runStatement } from './statements.ts'

/** What the worker can be asked that changes the file: such calls share one write transaction. */
export const writes = {
  openRoom, configureRoom, removeRoom, append,
  openGroup, take, owned, takeOver, retry, extend, commit, bury, replay, openCursor,
  putRecord, deleteRecord, expireRecord,
  acquireLease, renewLease, releaseLease,
  runStatement, runAll,
  writeDocuments, eraseDocuments,
  applyDocuments, forgetErased, emptyLog, journalDocuments, journalErasure, pendingDocuments, settleDocuments, landErasure,
}

/** What it can be asked that only reads. */
export const reads = {
  roomInfo, listRooms, range, pendingOf, deadLettersOf, roomRecord, changesSince, ringNow, getRecords, scanRecords, inspectLease, allRows,
  getDocuments, listDocuments, documentsSince, documentsNow, documentVersions, documentPage, replicaCursors,
}

type Calls = typeof writes & typeof reads
export type CallName = keyof Calls
export type CallArgs<Name extends CallName> = Parameters<Calls[Name]>[1]
export type CallResult<Name extends CallName> = ReturnType<Calls[Name]>

/** One call as it travels to the worker. */
export interface Request {
  name: CallName
  args: unknown
}
