/** Files that have no business in an image, by their path: credentials, keys, histories. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\/)\.env(?:\.[^/]*)?$/, 'an environment file'],
  [/(?:^|\/)\.(?:npmrc|yarnrc(?:\.yml)?|netrc|pgpass|pypirc|git-credentials)$/, 'a file of credentials'],
  [/(?:^|\/)\.git(?:\/|$)/, 'a git repository'],
  [/(?:^|\/)\.(?:ssh|gnupg|aws|kube|docker)(?:\/|$)/, 'a folder of credentials'],
  [/(?:^|\/)id_(?:rsa|dsa|ecdsa|ed25519)(?:\.[^/]*)?$/, 'an SSH key'],
  [/\.(?:key|p12|pfx|jks|keystore|kdbx|ppk)$/i, 'a key file'],
  [/(?:^|\/)(?:cosign|credentials|secrets?)\.(?:key|json|ya?ml|toml|txt)$/i, 'a file of secrets'],
  [/(?:^|\/)run\/secrets\/./, 'a mounted secret'],
  [/(?:^|\/)\.(?:bash|ash|node_repl|psql)_history$/, 'a history of commands'],
];

/** What a path says that the file is; undefined where it may be there. */
export function refusedName(path: string): string | undefined {
  return REFUSED.find(([pattern]) => pattern.test(path))?.[1];
}
