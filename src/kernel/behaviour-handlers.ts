import type { Behaviour } from './types.ts'
export class HandlersBehaviour { constructor(_o: unknown) {} }
export interface HandlersBehaviour extends Behaviour {}
