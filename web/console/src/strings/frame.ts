/** Words of the frame: sign-in, navigation, states that every page has. */

type Texts = Readonly<Record<string, string>>;

export const common = {
  actions: "Actions",
  actionsOf: (name: string) => `Actions of ${name}`,
  cancel: "Cancel",
  close: "Close",
  copied: "Copied",
  copyOf: (label: string) => `Copy: ${label}`,
  dismiss: "Dismiss this message",
  kept: "What stays",
  loading: "Loading",
  lost: "What will be lost",
  none: "–",
  notCopied: "This browser did not allow it. Mark the text and copy it.",
  save: "Save",
  tryAgain: "Try again",
};

export const flashbar = {
  ariaLabel: "Messages",
  errorIconAriaLabel: "Error",
  inProgressIconAriaLabel: "In progress",
  infoIconAriaLabel: "Information",
  successIconAriaLabel: "Success",
  warningIconAriaLabel: "Warning",
};

export const list = {
  choice: "Choose rows",
  choose: (name: string) => `Choose ${name}`,
  chooseAll: "Choose all",
  clear: "Clear the filter",
  find: "Find",
  matches: (count: number) => (count === 1 ? "1 match" : `${count} matches`),
  noMatch: "Nothing matches the filter.",
  pages: {
    nextPageLabel: "Next page",
    previousPageLabel: "Previous page",
    pageLabel: (page: number) => `Page ${page}`,
    paginationLabel: "Pages",
  },
};

export const pages = {
  accessKeys: "Access keys",
  accounts: "Accounts and quotas",
  addresses: "Static addresses",
  audit: "Audit log",
  blueprints: "Blueprints",
  bundles: "Plans and prices",
  computers: "Computers",
  create: "Create a computer",
  disks: "Disks",
  keyPairs: "Key pairs",
  operations: "Operations",
  overview: "Capacity and health",
  password: "Password",
  people: "People",
  sessions: "Sessions",
  snapshots: "Snapshots",
  tags: "Tags",
  usage: "Usage and cost",
};

export const problem = {
  away: "The server does not answer",
  awaySays: "Check your connection. The console tries again by itself.",
  failed: "That did not work",
  page: "This page failed",
  pageSays: "Reload it. If the server was updated meanwhile, that is all it takes.",
  refused: "The server refused",
  codes: {
    conflict: "That cannot be done now",
    crossOrigin: "The request did not come from this page",
    invalidInput: "Something is not right",
    notAllowed: "You may not do that",
    notFound: "It is not there",
    notRunning: "The computer does not answer",
    offByPolicy: "Switched off at this site",
    signInFailed: "Signing in failed",
    signInRequired: "Your sign-in has ended",
    tooManyAttempts: "Too many attempts",
    unavailable: "The server is busy",
  } as Texts,
  names: {
    AccessDeniedException: "You may not do that",
    InvalidInputException: "Something is not right",
    NotFoundException: "It is not there",
    OperationFailureException: "The operation failed",
    ServiceException: "The server had a problem",
    ServiceUnavailableException: "The server is busy",
  } as Texts,
};

export const roles = { researcher: "Researcher", operator: "Operator" };

export const shell = {
  appearance: "Appearance",
  away: "The server does not answer",
  awaySays: "What you see may be out of date. The console goes on by itself as soon as the server is back.",
  breadcrumbs: "Where you are",
  changePassword: "Change password",
  landmarks: {
    navigation: "Navigation",
    navigationClose: "Close the navigation",
    navigationToggle: "Open the navigation",
    notifications: "Messages",
  },
  missing: "There is no such page",
  missingSays: "The address may be mistyped, or the page is for operators only.",
  operator: "Site",
  person: (name: string) => `Signed in as ${name}`,
  setPassword: "Set a password",
  signOut: "Sign out",
  signOutEverywhere: "Sign out everywhere",
  themes: { system: "As the browser", light: "Light", dark: "Dark" },
  toComputers: "To the computers",
};

export const signIn = {
  ended: "Your sign-in has ended",
  endedSays: "Sign in again to go on where you are. Nothing on this page is lost.",
  linkFailed: "This link does not work any more",
  linkHint: "If you were given a one-time link, open it to sign in without a password.",
  motto: "Virtual computers for research, in your browser",
  name: "Name",
  or: "or",
  otherWay: "Sign in another way",
  pageTitle: "Sign in – Porthole",
  password: "Password",
  provider: (label: string) => `Sign in with ${label}`,
  providerFailed: "The provider did not sign you in",
  refusals: {
    notAllowed: "Your account at the provider is not allowed at this site. Ask an operator.",
    signInFailed: "Try again. If it fails again, ask an operator.",
    unavailable: "The provider could not be reached. Try again.",
  } as Texts & { unavailable: string },
  submit: "Sign in",
  title: "Sign in",
  version: (version: string) => (version === "" ? "" : `Porthole ${version}`),
};

export const topBar = {
  overflowMenuBackIconAriaLabel: "Back",
  overflowMenuDismissIconAriaLabel: "Close the menu",
  overflowMenuTitleText: "All",
  overflowMenuTriggerText: "More",
  searchDismissIconAriaLabel: "Close the search",
  searchIconAriaLabel: "Search",
};
