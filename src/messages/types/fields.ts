import { z } from 'zod'

/** Fields that several messages share, each with the one description it has everywhere. */
export const actor = z.string().describe('id of the actor')
export const incarnation = z.number().int().nonnegative().describe('which life of the actor, from 1')
export const node = z.string().describe('id of the node')
export const room = z.string().describe('name of the room')
export const entry = z.string().describe('position in the log of the room')
export const code = z.string().describe('stable code of the error')
export const problem = z.string().describe('the error in words')
