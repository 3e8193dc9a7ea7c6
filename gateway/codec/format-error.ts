import { GatewayError } from "../model/errors.ts";

/** These bytes are not what they claim to be: refuse them; the same bytes will never do. */
export class FormatError extends GatewayError {}
