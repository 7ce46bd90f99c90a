import type { Rule } from '../types.ts'
import { assignment } from './assignment.ts'
import { cloudRules } from './cloud.ts'
import { codeHostingRules } from './code-hosting.ts'
import { fileRules } from './files.ts'
import { keyRules } from './keys.ts'
import { serviceRules } from './services.ts'
import { webRules } from './web.ts'

/** All rules; of two findings that overlap the earlier rule names the kind. */
export const rules: readonly Rule[] = [...keyRules, ...cloudRules, ...codeHostingRules, ...serviceRules, ...fileRules, ...webRules, assignment]
