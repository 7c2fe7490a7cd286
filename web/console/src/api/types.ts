/** What the console's own requests answer. Times are seconds since the epoch. */

export interface Site {
  version: string;
  region: string;
  zones: string[];
  oidc: { label: string } | null;
  signedIn: boolean;
}

export type Role = "researcher" | "operator";

/** An account, or whatever else has an id and a name. */
export interface Named {
  id: string;
  name: string;
}

export interface Session {
  person: { id: string; name: string; role: Role };
  account: Named;
  expiresAt: number;
  hasPassword: boolean;
  needsCurrentPassword: boolean;
  /** The site allows small pictures of running sessions. */
  screenshots: boolean;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiresAt: number;
}

export interface AccessKey {
  accessKeyId: string;
  description: string;
  policy: string | null;
  createdAt: number;
  createdBy: string | null;
  lastUsedAt: number | null;
  status: "active" | "revoked";
}

/** An access key as it is shown once. */
export interface NewAccessKey extends AccessKey {
  secretAccessKey: string;
}

export interface OpenWindow {
  display: string;
  title: string;
  application: string;
}

export interface Idle {
  rule: { thresholdPercent: number; durationMinutes: number; countsViewerInput: boolean } | null;
  decisions: { at: number; stopped: boolean; reason: string }[];
}

export interface Stages {
  id: string;
  type: string;
  resourceName: string;
  stage: string;
  stages: string[];
  percent: number;
  undoing: boolean;
  status: "Started" | "Succeeded" | "Failed";
  attempts: number;
  startedAt: number;
  endedAt: number | null;
  error?: string;
}

/** What somebody may do with a display. */
export type ViewRole = "control" | "view";

export interface Viewer {
  id: string;
  display: string;
  role: ViewRole;
  since: number;
  from: string;
  by: string | null;
  share: string | null;
}

export interface Share {
  id: string;
  instance: string;
  display: string;
  role: ViewRole;
  createdAt: number;
  createdBy: string;
  expiresAt: number;
  viewers: number;
}

export interface Displays {
  displays: string[];
  primary: string | null;
}

export interface Account extends Named {
  createdAt: number;
  people: number;
  instances: number;
}

export interface Person extends Named {
  role: Role;
  account: Named;
  disabled: boolean;
  hasPassword: boolean;
  external: boolean;
  createdAt: number;
  lastSignInAt: number | null;
}

export type Quotas = Record<string, { value: number; default: number; isOwn: boolean }>;

export interface OperatorBundle extends Named {
  vcpus: number;
  ramGb: number;
  diskGb: number;
  pricePerHour: number;
  pricePerMonth: number;
  isActive: boolean;
  changed: boolean;
}

export interface OperatorBlueprint extends Named {
  version: string;
  image: string;
  status: "built" | "stale" | "missing" | "unknown";
  building: { step: string; percent: number; startedAt: number } | null;
  failed: string | null;
}

export interface Capacity {
  cpus: number;
  load: number;
  memoryBytes: number;
  memoryUsedBytes: number;
  diskBytes: number;
  diskUsedBytes: number;
  instances: number;
  instancesRunning: number;
  sessionsStarted: number;
  viewers: number;
  vcpusPromised: number;
  memoryPromisedBytes: number;
}

export interface OperatorSession {
  account: Named;
  instance: string;
  blueprint: string;
  status: string;
  expiresAt: number;
  viewers: Viewer[];
}

export interface OperatorOperation extends Stages {
  account: Named;
  stuck: boolean;
  nextTryAt: number | null;
  deadlineAt: number | null;
}

export interface AuditEntry {
  id: string;
  at: number;
  actor: string;
  account: Named | null;
  action: string;
  target: string;
  from: string;
  outcome: string;
}

export interface Check {
  name: string;
  status: "ok" | "warning" | "missing";
  says: string;
  costs: string;
  mend: string;
}

/** State of one computer's session. */
export interface SessionState {
  instance: string;
  status: string;
  percent: number;
  expiresAt: number | null;
  viewers: number;
  failureReason: string | null;
}

/** What things cost, in USD. */
export interface Prices {
  bundles: { id: string; pricePerHour: number; pricePerMonth: number }[];
  diskGbMonth: number;
  snapshotGbMonth: number;
}
