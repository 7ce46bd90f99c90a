import { StoreMisconfigured } from '../../kernel/errors.ts'
import type { Connection } from './binding.ts'

/**
 * One step per version of the schema; a step that was released is never edited. `user_version` counts the steps taken.
 * Entries of a room are numbered from `first_seq` to `last_seq` without gaps, so that counting them needs no scan;
 * `ring` grows with every transaction that appends and is noted with its rooms, so that "which rooms have news since" is one index lookup.
 */
const steps: readonly string[] = [
  `
  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    cap INTEGER NOT NULL,
    quota_bytes INTEGER NOT NULL,
    dedupe_ms INTEGER NOT NULL,
    meta TEXT NOT NULL,
    first_seq INTEGER NOT NULL DEFAULT 1,
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_ms INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    dead_seq INTEGER NOT NULL DEFAULT 0,
    ring INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX rooms_ring ON rooms (ring);
  CREATE TABLE ring (value INTEGER NOT NULL);
  INSERT INTO ring VALUES (0);
  CREATE TABLE entries (
    room INTEGER NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (room, seq)
  ) WITHOUT ROWID;
  CREATE TABLE message_ids (
    room INTEGER NOT NULL, message_id TEXT NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (room, message_id)
  ) WITHOUT ROWID;
  CREATE INDEX message_ids_expires ON message_ids (expires);
  CREATE TABLE work_groups (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL, name TEXT NOT NULL, last_seq INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    UNIQUE (room, name)
  );
  CREATE TABLE owners (
    work_group INTEGER NOT NULL, name TEXT NOT NULL, fence INTEGER NOT NULL,
    PRIMARY KEY (work_group, name)
  ) WITHOUT ROWID;
  CREATE TABLE pending (
    work_group INTEGER NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, owner TEXT NOT NULL,
    attempt INTEGER NOT NULL, touched INTEGER NOT NULL,
    PRIMARY KEY (work_group, seq)
  ) WITHOUT ROWID;
  CREATE TABLE members (
    room INTEGER NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, fence INTEGER NOT NULL,
    PRIMARY KEY (room, name)
  ) WITHOUT ROWID;
  CREATE TABLE dead_letters (
    room INTEGER NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, original_seq INTEGER NOT NULL, original_ms INTEGER NOT NULL,
    message_id TEXT NOT NULL, body TEXT NOT NULL, work_group TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
  ) WITHOUT ROWID;
  CREATE TABLE room_records (
    room INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires INTEGER,
    PRIMARY KEY (room, key)
  ) WITHOUT ROWID;
  CREATE INDEX room_records_expires ON room_records (expires) WHERE expires IS NOT NULL;
  CREATE TABLE records (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL, expires INTEGER) WITHOUT ROWID;
  CREATE INDEX records_expires ON records (expires) WHERE expires IS NOT NULL;
  CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT, fence INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
  `,
  // Documents. `seq` grows with every change of a row of either table in this file, in the order of commits; a deleted row
  // stays, so that those who follow by `seq` see it. The recall worker reads `memories` over a connection of its own.
  // `document_totals`: the last `seq`, and the bytes of all memories.
  // `pending_documents`: changed here while the shared store was away; `journal` is the item that sends it, `base` the version it was made from, `made` 1 when
  // nothing alive was there,
  // `marks` the contents that were sent and of which it is not known whether they arrived.
  `
  CREATE TABLE memories (
    num INTEGER PRIMARY KEY AUTOINCREMENT,
    seq INTEGER NOT NULL UNIQUE,
    id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
    project TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '', session TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, trust REAL NOT NULL,
    text TEXT NOT NULL, data TEXT NOT NULL, bytes INTEGER NOT NULL,
    model TEXT, vector BLOB
  );
  CREATE INDEX memories_scope ON memories (project, at);
  CREATE TABLE documents (
    key TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, version INTEGER NOT NULL, value TEXT, bytes BLOB, expires INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX documents_expires ON documents (expires) WHERE expires IS NOT NULL;
  CREATE TABLE document_totals (seq INTEGER NOT NULL, bytes INTEGER NOT NULL);
  INSERT INTO document_totals VALUES (0, 0);
  CREATE TABLE pending_documents (key TEXT PRIMARY KEY, journal INTEGER NOT NULL, base INTEGER NOT NULL, made INTEGER NOT NULL, marks TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
  CREATE TABLE replica_cursors (stream INTEGER PRIMARY KEY, cursor TEXT NOT NULL);
  `,
]

export const schemaVersion = steps.length

/** Brings the file up to `schemaVersion`. Safe when several processes do it at once. */
export function migrate(connection: Connection, path: string): void {
  if (versionOf(connection) === schemaVersion) return
  connection.exec('BEGIN IMMEDIATE')
  try {
    const version = versionOf(connection)
    if (version > schemaVersion) {
      throw new StoreMisconfigured(`${path} was written by a newer Hivemind (schema ${version}; this one knows ${schemaVersion}): upgrade, or choose another data folder (HIVEMIND_DATA_DIR)`)
    }
    for (const step of steps.slice(version)) connection.exec(step)
    connection.exec(`PRAGMA user_version = ${schemaVersion}`)
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

function versionOf(connection: Connection): number {
  return connection.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
}
