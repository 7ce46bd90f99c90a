import { pattern, prefixed } from '../rule.ts'
import type { Rule } from '../types.ts'

/** Where code, packages, images and models are kept, and what builds them. */
export const codeHostingRules: readonly Rule[] = [
  prefixed('github-token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], /[A-Za-z0-9_]{36,255}/),
  prefixed('github-token', ['github_pat_'], /[A-Za-z0-9_]{22,255}/),
  prefixed(
    'gitlab-token',
    ['glpat-', 'gldt-', 'glft-', 'glsoat-', 'glrt-', 'glrtr-', 'glcbt-', 'glptt-', 'glimt-', 'glagent-', 'gloas-', 'glffct-', 'glwt-'],
    /[A-Za-z0-9_-]{20,200}(?:\.[A-Za-z0-9]{2}\.[A-Za-z0-9]{9})?/,
  ),
  prefixed('gitlab-token', ['GR1348941'], /[A-Za-z0-9_-]{20}/),
  prefixed('bitbucket-token', ['ATBB', 'ATCTT3'], /[A-Za-z0-9_=-]{28,250}/, { accept: (token) => /\d/.test(token) && /[a-z]/.test(token) }),
  prefixed('npm-token', ['npm_'], /[A-Za-z0-9]{36}(?![A-Za-z0-9])/),
  prefixed('pypi-token', ['pypi-AgE'], /[A-Za-z0-9_-]{50,1000}/),
  prefixed('rubygems-token', ['rubygems_'], /[a-f0-9]{48}/),
  prefixed('docker-token', ['dckr_pat_', 'dckr_oat_'], /[A-Za-z0-9_-]{20,80}/),
  pattern('huggingface-token', ['hf_'], /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,80}/),
  prefixed('huggingface-token', ['api_org_'], /[A-Za-z0-9]{34}/),
  pattern('crates-token', ['cio'], /(?<![A-Za-z0-9_])cio[A-Za-z0-9]{32}(?![A-Za-z0-9])/, { accept: (token) => /\d/.test(token) && /[A-Z]/.test(token) && /[a-z]/.test(token.slice(3)) }),
  pattern('nuget-key', ['oy2'], /(?<![A-Za-z0-9])oy2[a-z0-9]{43}(?![A-Za-z0-9])/),
  prefixed('clojars-token', ['CLOJARS_'], /[a-z0-9]{60}/i),
  pattern('artifactory-token', ['AKCp'], /(?<![A-Za-z0-9])AKCp[A-Za-z0-9]{60,80}/),
  prefixed('circleci-token', ['CCIPAT_', 'CCIPRJ_'], /[A-Za-z0-9]{10,30}_[A-Za-z0-9]{40,80}/),
  prefixed('buildkite-token', ['bkua_'], /[a-f0-9]{40}/),
  pattern('sonarqube-token', ['sqp_', 'squ_', 'sqa_'], /(?<![A-Za-z0-9])sq[pua]_[a-f0-9]{40}/),
  prefixed('postman-key', ['PMAK-'], /[a-f0-9]{24}-[a-f0-9]{34}/),
  pattern('prefect-key', ['pnu_', 'pnb_'], /(?<![A-Za-z0-9])pn[ub]_[A-Za-z0-9]{36}/),
]
