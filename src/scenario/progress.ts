/** Where a run says how far it is. The terminal shows it live, a pipe gets plain lines, a program may ignore it. */
export interface Progress {
  /** A step begins; the one before has ended. */
  step(name: string): void
  /** How far the present step is. May be called often: it is for the display to take what it can show. */
  update(state: { done?: number; total?: number; unit?: string; detail?: string }): void
  /** Something worth keeping on the screen. */
  note(text: string): void
  /** The run has ended. */
  end(): void
}

export const silentProgress: Progress = { step: () => {}, update: () => {}, note: () => {}, end: () => {} }
