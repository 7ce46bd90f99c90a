import type { Connection } from '../binding.ts'
import type { Position } from './position.ts'
import { DocumentTotals } from './document-totals.ts'
import { Rooms } from './rooms.ts'
import type { Room } from './rooms.ts'

/** A work group; its position is the last entry that was delivered. */
export interface Group extends Position {
  id: number
  room: Room
}

/**
 * One transaction and what was read in it. Nothing is kept from one transaction to the next: other processes write to
 * the same file, and thousands of idle rooms must cost no memory.
 */
export class Unit {
  readonly sql: Connection
  readonly rooms: Rooms
  readonly groups = new Map<string, Group>()
  /** Highest fence per work group and owner. */
  readonly fences = new Map<string, number>()
  readonly documents: DocumentTotals
  /** Something was erased: once this is committed, the write-ahead log is to be emptied too. */
  erased = false

  constructor(sql: Connection) {
    this.sql = sql
    this.rooms = new Rooms(sql)
    this.documents = new DocumentTotals(sql)
  }
}
