/** Notes that a property does not hold. */
export type Report = (property: string, detail: string) => void
