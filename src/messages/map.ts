/**
 * Message type -> shape of its data. Open: add your own types by declaration merging, so that publishing and
 * observing them is checked by the compiler.
 *
 * @example
 * declare module 'hivemind' {
 *   interface MessageMap { 'build.finished': { ok: boolean } }
 * }
 */
export interface MessageMap {}

/** A type the compiler knows, or any other string (checked by the catalogue when it runs). */
export type MessageTypeName = keyof MessageMap | (string & {})

/** The data of a message type; `unknown` for a type that is not in `MessageMap`. */
export type DataOf<Type extends string> = Type extends keyof MessageMap ? MessageMap[Type] : unknown
