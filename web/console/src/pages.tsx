/** The table of pages: what each address shows. Only the list comes with the first load. */

import type { BreadcrumbGroupProps } from "@cloudscape-design/components/breadcrumb-group";
import type { ReactNode } from "react";
import type { Role } from "./api/types.ts";
import { ComputersPage } from "./pages/computers.tsx";
import { linkTo, type Route } from "./router.ts";
import { text } from "./strings/index.ts";
import { part } from "./ui/part.ts";
import { Empty } from "./ui/states.tsx";

const CreatePage = part(() => import("./pages/create.tsx"));
const ComputerPage = part(() => import("./pages/computer/page.tsx"));
const OpenPage = part(() => import("./pages/open.tsx"));
const DisksPage = part(() => import("./pages/disks.tsx"));
const SnapshotsPage = part(() => import("./pages/snapshots.tsx"));
const KeyPairsPage = part(() => import("./pages/key-pairs.tsx"));
const AddressesPage = part(() => import("./pages/addresses.tsx"));
const UsagePage = part(() => import("./pages/usage.tsx"));
const AccessKeysPage = part(() => import("./pages/access-keys.tsx"));
const PasswordPage = part(() => import("./pages/password.tsx"));
const OverviewPage = part(() => import("./pages/operator/overview.tsx"));
const PeoplePage = part(() => import("./pages/operator/people.tsx"));
const AccountsPage = part(() => import("./pages/operator/accounts.tsx"));
const SessionsPage = part(() => import("./pages/operator/sessions.tsx"));
const OperationsPage = part(() => import("./pages/operator/operations.tsx"));
const BlueprintsPage = part(() => import("./pages/operator/blueprints.tsx"));
const BundlesPage = part(() => import("./pages/operator/bundles.tsx"));
const AuditPage = part(() => import("./pages/operator/audit.tsx"));

/** What an address shows. */
export interface Page {
  title: string;
  content: ReactNode;
  /** Entry of the navigation that it belongs to. */
  under: string;
  /** Pages above it. */
  trail: BreadcrumbGroupProps.Item[];
  /** It stands alone, without bar and navigation. */
  bare?: boolean;
}

/** Finds the page of an address. */
export function pageOf(route: Route, role: Role): Page {
  const [first = "computers", second, third] = route.path;
  if (first === "operator") {
    return role === "operator" ? operatorPage(second ?? "overview", third) : missing();
  }
  const computers = { text: text.pages.computers, href: linkTo("computers") };
  const under = linkTo("computers");
  switch (first) {
    case "computers":
    case "sign-in":
      if (second === undefined || first === "sign-in") {
        return { title: text.pages.computers, content: <ComputersPage />, under, trail: [] };
      }
      return {
        title: second,
        content: <ComputerPage key={second} name={second} tab={third} />,
        under,
        trail: [computers],
      };
    case "create":
      return {
        title: text.pages.create,
        content: <CreatePage snapshot={route.query.get("snapshot") ?? undefined} />,
        under,
        trail: [computers],
      };
    case "open":
      return {
        title: text.open.title(second ?? ""),
        content: <OpenPage name={second ?? ""} display={third} />,
        under,
        trail: [],
        bare: true,
      };
    default:
      return ownPage(first);
  }
}

function ownPage(name: string): Page {
  const page = (title: string, content: ReactNode): Page => ({ title, content, under: linkTo(name), trail: [] });
  switch (name) {
    case "disks":
      return page(text.pages.disks, <DisksPage />);
    case "snapshots":
      return page(text.pages.snapshots, <SnapshotsPage />);
    case "key-pairs":
      return page(text.pages.keyPairs, <KeyPairsPage />);
    case "addresses":
      return page(text.pages.addresses, <AddressesPage />);
    case "usage":
      return page(text.pages.usage, <UsagePage />);
    case "access-keys":
      return page(text.pages.accessKeys, <AccessKeysPage />);
    case "password":
      return page(text.pages.password, <PasswordPage />);
    default:
      return missing();
  }
}

function operatorPage(name: string, id: string | undefined): Page {
  const page = (title: string, content: ReactNode): Page => ({
    title,
    content,
    under: linkTo("operator", name),
    trail: [{ text: text.shell.operator, href: linkTo("operator", "overview") }],
  });
  switch (name) {
    case "overview":
      return page(text.pages.overview, <OverviewPage />);
    case "people":
      return page(text.pages.people, <PeoplePage />);
    case "accounts":
      return page(text.pages.accounts, <AccountsPage />);
    case "sessions":
      return page(text.pages.sessions, <SessionsPage />);
    case "operations":
      return page(text.pages.operations, <OperationsPage />);
    case "blueprints":
      return page(text.pages.blueprints, <BlueprintsPage id={id} />);
    case "bundles":
      return page(text.pages.bundles, <BundlesPage />);
    case "audit":
      return page(text.pages.audit, <AuditPage />);
    default:
      return missing();
  }
}

function missing(): Page {
  const action = <a href={linkTo("computers")}>{text.shell.toComputers}</a>;
  return {
    title: text.shell.missing,
    content: <Empty title={text.shell.missing} says={text.shell.missingSays} action={action} />,
    under: "",
    trail: [],
  };
}
