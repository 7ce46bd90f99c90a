import { roomsBehaviour } from './behaviour.ts'

roomsBehaviour('model')
