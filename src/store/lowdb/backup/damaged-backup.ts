/** The file is not a whole and unchanged backup. The text says what is wrong; never what is in it. */
export class DamagedBackup extends Error {
  override readonly name = 'DamagedBackup'
}

/** The backup may be whole, but cannot be opened with what was given. */
export class WrongPassphrase extends Error {
  override readonly name = 'WrongPassphrase'
}
