/** A queue over a ring of slots: 8 at first, doubled when full, given back when a big one runs empty. */
class Lane<T> {
  #slots: (T | undefined)[] = emptySlots()
  #head = 0
  length = 0

  push(item: T): void {
    if (this.length === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.length) & (this.#slots.length - 1)] = item
    this.length++
  }

  unshift(item: T): void {
    if (this.length === this.#slots.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#slots.length - 1)
    this.#slots[this.#head] = item
    this.length++
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.length--
    if (this.length === 0 && this.#slots.length > 256) {
      this.#slots = emptySlots()
      this.#head = 0
    }
    return item
  }

  #grow(): void {
    const slots = this.#slots
    const capacity = slots.length
    this.#slots = [...slots.slice(this.#head), ...slots.slice(0, this.#head)]
    this.#slots.length = capacity * 2
    this.#head = 0
  }
}

function emptySlots(): undefined[] {
  return [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined]
}

/** Someone who waits for room in the data lane. */
export interface Offer<T> {
  item: T
  admitted(): void
  refused(): void
}

/**
 * Two lanes, first in first out each. The control lane goes first and is filled by the kernel alone, with at most one
 * message per timer and per watched actor; the data lane has a capacity, which its user checks (`data.length`).
 */
export class Mailbox<T> {
  readonly data = new Lane<T>()
  #control: Lane<T> | undefined
  #offers: Lane<Offer<T>> | undefined

  get length(): number {
    return this.data.length + (this.#control?.length ?? 0)
  }

  get offers(): number {
    return this.#offers?.length ?? 0
  }

  pushControl(item: T): void {
    this.#control ??= new Lane<T>()
    this.#control.push(item)
  }

  dropControl(): void {
    this.#control = undefined
  }

  /** Takes the next message; whoever waited longest for room gets the place. */
  shift(): T | undefined {
    if (this.#control !== undefined && this.#control.length > 0) return this.#control.shift()
    const item = this.data.shift()
    if (this.#offers !== undefined) this.#admit()
    return item
  }

  wait(offer: Offer<T>): void {
    this.#offers ??= new Lane<Offer<T>>()
    this.#offers.push(offer)
  }

  /** Somebody waits no longer. */
  withdraw(offer: Offer<T>): void {
    for (const each of this.takeOffers()) if (each !== offer) this.wait(each)
  }

  /** Takes out everything that is waiting for room. */
  takeOffers(): Offer<T>[] {
    const taken: Offer<T>[] = []
    for (let offer = this.#offers?.shift(); offer !== undefined; offer = this.#offers?.shift()) taken.push(offer)
    return taken
  }

  #admit(): void {
    const offer = this.#offers?.shift()
    if (offer === undefined) {
      this.#offers = undefined
      return
    }
    this.data.push(offer.item)
    offer.admitted()
  }
}
