import type { Behaviour } from './types.ts'
export class MachineBehaviour { constructor(_o: unknown) {} }
export interface MachineBehaviour extends Behaviour {}
