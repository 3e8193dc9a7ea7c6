import * as z from "zod";
import type { RouteKey } from "./access.ts";
import * as answers from "./answers.ts";
import * as schemas from "./schemas.ts";

// Past 300 lines: a table, every route of the API with what it takes and answers.

export interface Described {
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Of the answer: its schema, or the media type where it is no JSON. */
  readonly answer: z.ZodType | string;
  /** Of the answer, 200 when absent. */
  readonly status?: readonly number[];
}

export const routes: Readonly<Record<RouteKey, Described>> = {
  "GET /healthz": { summary: "Whether the process lives", answer: answers.ok },
  "GET /readyz": { summary: "Whether the gateway does its work", answer: answers.ok },
  "GET /": { summary: "The technician's page", answer: "text/html" },
  "HEAD /": { summary: "Whether the technician's page has changed", answer: "text/html" },
  "GET /assets/:file": {
    summary: "A file of the technician's page",
    params: schemas.assetPath,
    answer: "application/octet-stream",
  },
  "HEAD /assets/:file": {
    summary: "Whether there is this file of the technician's page",
    params: schemas.assetPath,
    answer: "application/octet-stream",
  },
  "GET /v1/openapi.json": { summary: "This document", answer: z.record(z.string(), z.unknown()) },
  "POST /v1/login": {
    summary: "Log in: a token in the body, and the same as a cookie",
    body: schemas.loginBody,
    answer: answers.login,
  },
  "GET /v1/session": { summary: "Who is logged in", answer: answers.session },
  "POST /v1/logout": { summary: "End this session", answer: answers.ok },
  "POST /v1/password": {
    summary: "Change the own password; all other sessions of the user end",
    body: schemas.passwordBody,
    answer: answers.ok,
  },
  "GET /metrics": { summary: "Metrics for Prometheus", answer: "text/plain" },
  "GET /v1/status": { summary: "What the gateway does", answer: answers.status },
  "GET /v1/devices": { summary: "All devices", answer: answers.devices },
  "GET /v1/devices/:device": {
    summary: "One device, its profile and its points",
    params: schemas.devicePath,
    answer: answers.device,
  },
  "GET /v1/latest": {
    summary: "The latest reading of every point",
    query: schemas.filterQuery,
    answer: answers.readings,
  },
  "GET /v1/history": {
    summary:
      "Earlier readings, point by point; of the last hour unless said otherwise, at most 5000 rows at once",
    query: schemas.historyQuery,
    answer: answers.history,
  },
  "GET /v1/readings": {
    summary:
      "Readings as they come, the latest first: server-sent events whose data is an array of Reading; event `lost` says how many at most a slow reader missed. Last-Event-ID means nothing",
    query: schemas.filterQuery,
    answer: "text/event-stream",
  },
  "GET /v1/states": {
    summary:
      "States of devices, connections and far sides, then their changes: server-sent events whose data is an array of State",
    answer: "text/event-stream",
  },
  "GET /v1/results": {
    summary: "Results of all commands as they come: server-sent events whose data is a CommandResult",
    query: schemas.resultsQuery,
    answer: "text/event-stream",
  },
  "GET /v1/connections": { summary: "What each line does and can carry", answer: answers.connections },
  "GET /v1/accounting": {
    summary: "What was produced, stored and acknowledged in this run",
    answer: answers.accounting,
  },
  "GET /v1/commands": {
    summary: "The latest result of every command that is kept, the newest first",
    query: schemas.commandsQuery,
    answer: answers.results,
  },
  "GET /v1/commands/:id": {
    summary: "The latest result of one command",
    params: schemas.commandPath,
    answer: answers.result,
  },
  "GET /v1/holds": { summary: "Who holds which point", answer: answers.holds },
  "POST /v1/points": {
    summary: "Hand in a value of a derived point, which goes out like a reading of the gateway's own",
    body: schemas.pointBody,
    answer: answers.reading,
  },
  "POST /v1/decode": {
    summary: "What a payload of a device with this profile says; nothing is stored or sent",
    body: schemas.decodeBody,
    answer: answers.decoded,
  },
  "POST /v1/encode": {
    summary:
      "The frames that write a value to a device with this profile, as far as they are known beforehand; nothing is sent",
    body: schemas.encodeBody,
    answer: answers.encoded,
  },
  "POST /v1/read": {
    summary: "Poll now, ahead of the schedule",
    body: schemas.readBody,
    answer: answers.readings,
  },
  "GET /v1/ports": { summary: "Serial ports of this machine", answer: answers.ports },
  "GET /v1/profiles": {
    summary: "Every device profile there is, in short; with an ETag",
    answer: answers.profiles,
  },
  "GET /v1/enrolment": {
    summary: "How far the gateway is with its certificate",
    answer: answers.enrolment,
  },
  "GET /v1/machine": { summary: "What the machine says of itself", answer: answers.machine },
  "GET /v1/update": {
    summary: "The slots of the system, and how an update stands; 404 where no updater answers",
    answer: answers.update,
  },
  "GET /v1/update/bundles": {
    summary: "Files in the folder of bundles",
    answer: answers.updateBundles,
  },
  "POST /v1/update/install": {
    summary: "Begin an update: a file in the folder of bundles, or an address",
    body: schemas.updateBody,
    answer: answers.update,
    status: [202],
  },
  "POST /v1/update/commit": {
    summary: "Keep the system that is being tried, without waiting for the health gate",
    answer: answers.update,
    status: [202],
  },
  "POST /v1/update/roll-back": {
    summary: "Back to the former system; the machine restarts",
    answer: answers.update,
    status: [202],
  },
  "GET /v1/alarms": { summary: "What is wrong now, the worst first", answer: answers.alarms },
  "GET /v1/frames/:connection": {
    summary:
      "The last frames of a connection, then as they come: server-sent events whose data is an array of {at, direction, hex, bytes}; event `lost` says how many were left out",
    params: schemas.connectionPath,
    answer: "text/event-stream",
  },
  "GET /v1/jobs": { summary: "Jobs that are remembered, the newest first", answer: answers.jobs },
  "POST /v1/jobs": {
    summary: "Begin a job: a scan, a diagnosis, a test. It never writes to a device",
    body: schemas.jobBody,
    answer: answers.job,
    status: [202],
  },
  "POST /v1/jobs/cost": {
    summary: "What a job would ask, and take at most; nothing is begun, nobody is asked",
    body: schemas.jobBody,
    answer: answers.jobCost,
  },
  "GET /v1/jobs/:id": { summary: "One job", params: schemas.jobPath, answer: answers.job },
  "DELETE /v1/jobs/:id": {
    summary: "Stop a job; what it found stays. 404 when it does not run",
    params: schemas.jobPath,
    answer: answers.ok,
  },
  "GET /v1/jobs/:id/events": {
    summary:
      "A job as it changes, to its end: server-sent events whose data is a Job; who reads slowly gets the newest",
    params: schemas.jobPath,
    answer: "text/event-stream",
  },
  "GET /v1/jobs/:id/files/:name": {
    summary: "A file that a job made, while it is kept",
    params: schemas.filePath,
    answer: "application/octet-stream",
  },
  "GET /v1/configuration": {
    summary: "The text of gateway.yaml, with stars for secrets",
    answer: answers.configuration,
  },
  "POST /v1/configuration/check": {
    summary: "What is wrong with a text that could become gateway.yaml; nothing is applied",
    body: schemas.checkBody,
    answer: answers.checked,
  },
  "POST /v1/configuration/apply": {
    summary:
      "Write and apply a text; stars stand for the secrets in the same places of the file. 422 when it is refused, 409 when `hash` is not the file's",
    body: schemas.applyBody,
    answer: answers.applied,
    status: [200, 422],
  },
  "GET /v1/configuration/generations": {
    summary: "The texts that were gateway.yaml, the oldest first; the last 50 are kept",
    answer: answers.generations,
  },
  "GET /v1/configuration/generations/:number": {
    summary: "One of them, with stars for secrets",
    params: schemas.generationPath,
    answer: answers.generation,
  },
  "POST /v1/configuration/roll-back": {
    summary: "Apply an earlier one, as a new generation; 422 when it is refused",
    body: schemas.rollBackBody,
    answer: answers.applied,
    status: [200, 422],
  },
  "GET /v1/configuration/schema": {
    summary: "JSON Schema (draft-7) of gateway.yaml, for help while typing",
    answer: z.record(z.string(), z.unknown()),
  },
  "GET /v1/commissioning": {
    summary: "What works, what people have seen, and what is missing before the gateway can be accepted",
    answer: answers.commissioning,
  },
  "POST /v1/commissioning/devices": {
    summary: "Add a device to gateway.yaml, and its connection where it is new, and apply it",
    body: schemas.newDeviceBody,
    answer: answers.changes,
    status: [201],
  },
  "DELETE /v1/commissioning/devices/:device": {
    summary: "Take a device out of gateway.yaml; one that has been accepted needs an operator",
    params: schemas.devicePath,
    answer: answers.changes,
  },
  "POST /v1/commissioning/checks": {
    summary: "What the technician saw of a point",
    body: schemas.deviceCheckBody,
    answer: answers.ok,
  },
  "POST /v1/commissioning/accept": {
    summary:
      "Make the acceptance report; 409 while something is missing, unless `despite` says why all the same",
    body: schemas.acceptBody,
    answer: answers.reportId,
    status: [201],
  },
  "POST /v1/commissioning/test": {
    summary: "Command a device to see whether it obeys; 403 once it has been accepted",
    body: schemas.testBody,
    answer: answers.result,
    status: [200, 202],
  },
  "GET /v1/commissioning/reports/:file": {
    summary:
      "An acceptance report: `<id>.json` the signed document, `<id>.html` a page to read and print (?lang=sv for Swedish)",
    params: schemas.reportPath,
    query: schemas.reportQuery,
    answer: answers.report,
  },
  "GET /v1/logs": {
    summary: "The last lines of the log, the oldest first",
    query: schemas.logsQuery,
    answer: answers.logs,
  },
  "GET /v1/audit-log": {
    summary: "The audit log, the oldest line first, each as it stands in its file; at most 1000 at once",
    query: schemas.auditQuery,
    answer: answers.auditLog,
  },
  "POST /v1/commands": {
    summary:
      "Command a point. 202: it stands in the ledger and will get a last word; 200: this is the last word, also a refusal",
    query: schemas.commandQuery,
    body: schemas.commandBody,
    answer: answers.commanded,
    status: [200, 202],
  },
  "POST /v1/reload": {
    summary: "Apply the changed gateway.yaml, device by device; 422 when it is refused",
    answer: answers.reloaded,
    status: [200, 422],
  },
  "GET /v1/users": { summary: "All users", answer: answers.users },
  "POST /v1/users": {
    summary: "Add a user; a password that is not given is made up and told once",
    body: schemas.userBody,
    answer: answers.user,
    status: [201],
  },
  "DELETE /v1/users/:name": { summary: "Remove a user", params: schemas.namePath, answer: answers.ok },
  "POST /v1/users/:name/password": {
    summary: "Give a user a new password, to be changed at the next login",
    params: schemas.namePath,
    body: schemas.resetBody,
    answer: answers.reset,
  },
  "GET /v1/tokens": { summary: "All API tokens, without their secrets", answer: answers.tokens },
  "POST /v1/tokens": {
    summary: "Add an API token for a machine; its secret is told once",
    body: schemas.tokenBody,
    answer: answers.token,
    status: [201],
  },
  "DELETE /v1/tokens/:name": {
    summary: "Remove an API token",
    params: schemas.namePath,
    answer: answers.ok,
  },
};
