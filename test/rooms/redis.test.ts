import { roomsBehaviour } from './behaviour.ts'

roomsBehaviour('redis')
