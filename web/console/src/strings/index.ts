/** Every word that the console says, in English. Another language is another set of these files. */

import {
  computer,
  computers,
  create,
  endings,
  idle,
  nameFaults,
  open,
  overview,
  ports,
  sessionStates,
  stages,
  states,
  tags,
  viewers,
} from "./computers.ts";
import { common, flashbar, list, pages, problem, roles, shell, signIn, topBar } from "./frame.ts";
import { operator } from "./operator.ts";
import { accessKeys, addresses, disks, keyPairs, keys, password, snapshots, usage } from "./things.ts";

/** The words, by the part of the console that says them. */
export const text = {
  product: "Porthole",
  accessKeys,
  addresses,
  common,
  computer,
  computers,
  create,
  disks,
  endings,
  flashbar,
  idle,
  keyPairs,
  keys,
  list,
  nameFaults,
  open,
  operator,
  overview,
  pages,
  password,
  ports,
  problem,
  roles,
  sessionStates,
  shell,
  signIn,
  snapshots,
  stages,
  states,
  tags,
  topBar,
  usage,
  viewers,
};
