import { randomBytes } from "node:crypto";
import * as z from "zod";
import { type Priority, priorities } from "../model/command.ts";
import type { Disk } from "../store/disk.ts";
import { readDocument, replaceDocument } from "../store/documents.ts";
import { type Role, roles } from "./access.ts";
import { ApiError } from "./errors.ts";
import { newPassword, type Passwords } from "./passwords.ts";
import { hashOf } from "./sessions.ts";

/** Names of users and tokens: they stand in commands, logs and paths. */
export const accountName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, { error: "a name is made of a-z, 0-9, . _ -, at most 63" });

export interface User {
  readonly name: string;
  readonly role: Role;
  /** The password was given by somebody else: nothing else may be done before it is changed. */
  readonly mustChange: boolean;
}

/** A machine's own key: Node-RED, Prometheus. */
export interface Token {
  readonly name: string;
  readonly role: Role;
  /** The strongest that its commands may have. */
  readonly priority: Priority;
  readonly by: string;
}

const file = "users.json";
const most = 100;

const hashSchema = z.object({
  n: z
    .int()
    .min(1024)
    .max(2 ** 17),
  r: z.int().min(1).max(16),
  p: z.int().min(1).max(16),
  salt: z.base64().min(1).max(100),
  hash: z.base64().min(1).max(100),
});
const documentSchema = z.object({
  users: z
    .array(
      z.object({
        name: accountName,
        role: z.enum(roles),
        mustChange: z.boolean(),
        password: hashSchema,
      }),
    )
    .max(most),
  tokens: z
    .array(
      z.object({
        name: accountName,
        role: z.enum(roles),
        priority: z.enum(priorities),
        by: z.string(),
        hash: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(most),
});
type Accounts = z.output<typeof documentSchema>;
type StoredUser = Accounts["users"][number];

export interface UsersOptions {
  readonly disk: Disk;
  readonly passwords: Passwords;
  /** Told once, when there are no users yet: the password is kept nowhere. */
  readonly firstPassword: (user: string, password: string) => void;
}

/**
 * The users and tokens of this gateway, from `users.json` of the disk. Without any there is `admin` with a
 * random password. A file that cannot be understood is put aside as `users.json.damaged`, and then
 * there are none. Rejects with StorageError.
 */
export async function openUsers({ disk, passwords, firstPassword }: UsersOptions): Promise<Users> {
  const read = documentSchema.safeParse(await readDocument(disk, file));
  if (!read.success && (await disk.list()).includes(file)) {
    await disk.rename(file, `${file}.damaged`);
    await disk.syncNames();
  }
  const users = new Users(disk, passwords, read.success ? read.data : { users: [], tokens: [] });
  if (users.list().length === 0) {
    const { password } = await users.add("admin", "admin");
    firstPassword("admin", password);
  }
  return users;
}

/** All changes are durable when they resolve; they reject with StorageError, and then nothing has changed. */
export class Users {
  readonly #disk: Disk;
  readonly #passwords: Passwords;
  #accounts: Accounts;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, passwords: Passwords, accounts: Accounts) {
    this.#disk = disk;
    this.#passwords = passwords;
    this.#accounts = accounts;
  }

  list(): readonly User[] {
    return this.#accounts.users.map(shownUser);
  }

  find(name: string): User | undefined {
    const found = this.#user(name);
    return found && shownUser(found);
  }

  tokens(): readonly Token[] {
    return this.#accounts.tokens.map(shownToken);
  }

  /** The token with this secret. */
  tokenOf(secret: string): Token | undefined {
    const hash = hashOf(secret);
    const found = this.#accounts.tokens.find((token) => token.hash === hash);
    return found && shownToken(found);
  }

  /** The user with this password; it takes the same time for a name that nobody has. */
  async login(name: string, password: string): Promise<User | undefined> {
    const known = this.#user(name);
    if (!(await this.#passwords.verify(password, known?.password))) return undefined;
    // Somebody may have taken the user away meanwhile, or changed the password.
    const now = this.#user(name);
    return now && now.password === known?.password ? shownUser(now) : undefined;
  }

  /** Makes up a password where none is given; it is told here and nowhere else. */
  async add(name: string, role: Role, password?: string): Promise<{ user: User; password: string }> {
    this.#vacant("users", name);
    if (password !== undefined) checkPassword(name, password);
    const given = password ?? newPassword();
    const hash = await this.#passwords.hash(given);
    const user: StoredUser = { name, role, mustChange: true, password: hash };
    await this.#change((accounts) => {
      this.#vacant("users", name);
      return { ...accounts, users: [...accounts.users, user] };
    });
    return { user: shownUser(user), password: given };
  }

  async remove(name: string): Promise<void> {
    await this.#change((accounts) => {
      this.#known(name);
      const users = accounts.users.filter((user) => user.name !== name);
      if (!users.some(({ role }) => role === "admin"))
        throw new ApiError(409, "last-admin", "this is the last admin, and one must remain");
      return { ...accounts, users };
    });
  }

  /** A new password; made up where none is given. `mustChange`: it was not the user who chose it. */
  async setPassword(name: string, password: string | undefined, mustChange: boolean): Promise<string> {
    this.#known(name);
    if (password !== undefined) checkPassword(name, password);
    const given = password ?? newPassword();
    const hash = await this.#passwords.hash(given);
    await this.#change((accounts) => {
      this.#known(name);
      return {
        ...accounts,
        users: accounts.users.map((user) =>
          user.name === name ? { ...user, mustChange, password: hash } : user,
        ),
      };
    });
    return given;
  }

  /** The secret is told here and nowhere else. */
  async addToken(token: Token): Promise<string> {
    const secret = `sn_${randomBytes(32).toString("base64url")}`;
    await this.#change((accounts) => {
      this.#vacant("tokens", token.name);
      return { ...accounts, tokens: [...accounts.tokens, { ...token, hash: hashOf(secret) }] };
    });
    return secret;
  }

  async removeToken(name: string): Promise<void> {
    await this.#change((accounts) => {
      const tokens = accounts.tokens.filter((token) => token.name !== name);
      if (tokens.length === accounts.tokens.length)
        throw new ApiError(404, "unknown-token", `there is no token ${name}`);
      return { ...accounts, tokens };
    });
  }

  #user(name: string): StoredUser | undefined {
    return this.#accounts.users.find((user) => user.name === name);
  }

  #known(name: string): void {
    if (!this.#user(name)) throw new ApiError(404, "unknown-user", `there is no user ${name}`);
  }

  #vacant(kind: "users" | "tokens", name: string): void {
    const accounts = this.#accounts[kind];
    if (accounts.some((one) => one.name === name))
      throw new ApiError(409, "name-taken", `the name ${name} is taken`);
    if (accounts.length >= most) throw new ApiError(409, "too-many", `there are ${most} ${kind} already`);
  }

  /** One after the other; in memory only what is on the disk. */
  #change(next: (accounts: Accounts) => Accounts): Promise<void> {
    const done = this.#saving.then(async () => {
      const accounts = next(this.#accounts);
      await replaceDocument(this.#disk, file, accounts);
      this.#accounts = accounts;
    });
    this.#saving = done.catch(() => {});
    return done;
  }
}

const shortest = 10;
const longest = 256;

/** Length is what counts (NIST SP 800-63B section 3.1.1). Throws ApiError `weak-password`. */
function checkPassword(name: string, password: string): void {
  if (password.length >= shortest && password.length <= longest && !password.toLowerCase().includes(name))
    return;
  throw new ApiError(400, "weak-password", "this password is not strong enough", {
    hint: `${shortest} to ${longest} characters, without the user's name in it`,
  });
}

function shownUser({ name, role, mustChange }: StoredUser): User {
  return { name, role, mustChange };
}

function shownToken({ name, role, priority, by }: Accounts["tokens"][number]): Token {
  return { name, role, priority, by };
}
