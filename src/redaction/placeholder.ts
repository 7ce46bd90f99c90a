const stock = new Set(
  (
    'password passwd passphrase secret token key apikey value string number boolean object null none nil undefined true false yes no on off required optional ' +
    'changeme change-me change_me changeit example sample test testing dummy fake foo bar baz foobar placeholder redacted hidden masked removed omitted empty default ' +
    'todo tbd todo-change n/a na xxx user username admin root guest anonymous public private unknown any void never text hash bcrypt bearer basic digest oauth oauth2 jwt ' +
    'env environ environment prompt stdin file vault keychain keyring kms ssm 123 1234'
  ).split(' '),
)

/** Words that say "put yours here" when they stand alone in a value. */
const instruction =
  /(?:^|[-_. <[{(])(?:your|yours|my|insert|replace|enter|put|paste|fill|add|change|changeme|placeholder|example|sample|dummy|fake|redacted|todo|goes|here|some|xxx+)(?=$|[-_. >\]})])/i

/** A value that names a variable or a slot instead of being one: `${VAR}`, `$VAR`, `%VAR%`, `{{ x }}`, `<your-key>`, `process.env.X`. */
const reference = /^(?:\$\{|\$\(|\$[A-Za-z_]|%[A-Za-z_]\w*%$|\{\{|\{[\w.-]*\}$|<[^>]*>?$|\[[\w ._-]*\]$|@[\w.]+@$|#\{|!\w|__\w+__$|process\.env|import\.meta|os\.(?:environ|getenv)|env[.([]|ENV\[|System\.getenv|secrets?\.[\w.]+$|vars?\.|var\.|data\.|local\.|self\.|this\.|op:\/\/|vault:|ssm:|arn:|file:|env:)/

/** Whether a value is a stand-in for a secret, as written in documentation and templates. */
export function isPlaceholder(value: string): boolean {
  const bare = value.trim()
  if (stock.has(bare.toLowerCase()) || reference.test(bare)) return true
  if (/^[*.•●xX#_?-]+$/.test(bare) || /(?:\*{3,}|\.{3}|…|x{5,}|X{5,})/.test(bare)) return true
  if (new Set(bare).size <= 2) return true
  return instruction.test(bare) && !/\d.*\d/.test(bare.replace(/123\d*/g, ''))
}
