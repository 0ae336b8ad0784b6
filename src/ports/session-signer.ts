/** Signs the subject of a session, and finds it again in a token that is whole and has not expired. */
export interface SessionSigner {
  sign(session: { subject: string; expiresAt: number }): Promise<string>
  verify(token: string): Promise<string | undefined>
}
