import { roomsBehaviour } from './behaviour.ts'

roomsBehaviour('sqlite')
