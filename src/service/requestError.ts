/** Why a request is refused or was not answered: becomes a response with a JSON body `{"error": message}`. */
export class RequestError extends Error {
  constructor(
    /** HTTP status. */
    readonly status: number,
    message: string,
    /** Further headers of the response. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}
