/**
 * One message as it travels: CloudEvents 1.0 attribute names, plus what an actor system needs.
 * On the wire it is one JSON object with these names.
 */
export interface Envelope<Type extends string = string, Data = unknown> {
  /** Unique per message; posting the same id twice has one effect. */
  id: string
  /** Dot-separated: commands imperative (`model.load`), events past tense (`model.loaded`). */
  type: Type
  /** Who sent it: an actor id, a member of a room, or a node. */
  source: string
  /** What it is about, when that is narrower than the type. */
  subject?: string
  /** Wall time of the sender, ms since 1970. */
  time: number
  data: Data
  /** W3C trace context. */
  traceparent?: string
  /** Ties a request to its answers. */
  correlationid?: string
  /** The message that caused this one. */
  causationid?: string
  /** Wall time in ms after which nobody needs an answer any more. */
  deadline?: number
}
