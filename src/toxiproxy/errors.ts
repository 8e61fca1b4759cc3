/**
 * What the API answers when it cannot do what it was asked, in Toxiproxy's words: clients compare them.
 * @module
 */

/** Answered as `{"error": message, "status": status}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const badBody = (why: string): ApiError => new ApiError(400, `bad request body: ${why}`);
export const missingField = (field: string): ApiError =>
  new ApiError(400, `missing required field: ${field}`);
export const invalidStream = (): ApiError =>
  new ApiError(400, "stream was invalid, can be either upstream or downstream");
export const invalidToxicType = (): ApiError => new ApiError(400, "invalid toxic type");
export const proxyNotFound = (): ApiError => new ApiError(404, "proxy not found");
export const toxicNotFound = (): ApiError => new ApiError(404, "toxic not found");
export const proxyExists = (): ApiError => new ApiError(409, "proxy already exists");
export const toxicExists = (): ApiError => new ApiError(409, "toxic already exists");

/** A proxy's address cannot be listened on. */
export class ListenError extends ApiError {
  constructor(
    address: string,
    why: string,
    /** True when something else listens there already. */
    readonly inUse: boolean,
  ) {
    super(400, `listen tcp ${address}: ${why}`);
  }
}
