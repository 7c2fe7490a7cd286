/** The frame of all pages: top bar, navigation, messages, and the page that the address names. */

import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import type { FlashbarProps } from "@cloudscape-design/components/flashbar";
import Modal from "@cloudscape-design/components/modal";
import SideNavigation, { type SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TopNavigation, { type TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import { Suspense, useEffect, useState } from "react";
import icon from "../icon.svg";
import { reachable, signedOut } from "./api/site.ts";
import type { Session } from "./api/types.ts";
import { kept } from "./kept-disks.ts";
import { watchChanges } from "./live/changes.ts";
import { useValue } from "./live/value.ts";
import { SignInForm } from "./pages/sign-in.tsx";
import { type Page, pageOf } from "./pages.tsx";
import { linkTo, useRoute } from "./router.ts";
import { text } from "./strings/index.ts";
import { type Theme, theme } from "./theme.ts";
import { act } from "./ui/action.ts";
import { Boundary } from "./ui/boundary.tsx";
import { Flashes } from "./ui/flash.tsx";
import { Loading } from "./ui/states.tsx";
import { useNarrow } from "./ui/width.ts";
import { signOut } from "./who.ts";

/** Everything that a signed-in person sees. */
export function Shell({ session }: { session: Session }) {
  const route = useRoute();
  const page = pageOf(route, session.person.role);
  const ended = useValue(signedOut);
  const account = session.account.id;
  useEffect(() => {
    if (!ended) {
      if (kept(account).length > 0) {
        // Where it does not come now, it does with the next page.
        import("./chosen-disks.ts").then(({ followKept }) => followKept()).catch(() => {});
      }
      return watchChanges();
    }
  }, [ended, account]);
  useEffect(() => {
    document.title = [page.title, text.product].filter((part) => part !== "").join(" – ");
  }, [page.title]);
  const address = route.path.join("/");
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page begins at its top
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [address]);
  const content = (
    <Boundary key={address}>
      <Suspense fallback={<Loading />}>{page.content}</Suspense>
    </Boundary>
  );
  return (
    <>
      <Ended session={session} open={ended} />
      {page.bare === true ? (
        <main className="alone">{content}</main>
      ) : (
        <Frame session={session} page={page}>
          {content}
        </Frame>
      )}
    </>
  );
}

function Frame({ session, page, children }: { session: Session; page: Page; children: React.ReactNode }) {
  const [open, setOpen] = useState(window.innerWidth >= 1000);
  const notices = useConnection();
  const narrow = useNarrow();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the bar is made anew when the width changes
  useEffect(() => {
    // The components' narrow bar says which way it lies, which its role does not know: axe-core calls that critical.
    for (const bar of document.querySelectorAll("nav[aria-orientation]")) {
      bar.removeAttribute("aria-orientation");
    }
  }, [narrow]);
  return (
    <>
      <div id="top-bar">
        <TopNavigation
          identity={{ href: linkTo("computers"), title: text.product, logo: { src: icon, alt: "" } }}
          utilities={utilities(session, useValue(theme))}
          i18nStrings={text.topBar}
        />
      </div>
      <AppLayout
        headerSelector="#top-bar"
        navigation={
          <SideNavigation
            header={{ text: session.account.name, href: linkTo("computers") }}
            items={navigation(session)}
            activeHref={page.under}
          />
        }
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        breadcrumbs={
          page.trail.length === 0 ? undefined : (
            <BreadcrumbGroup
              items={[...page.trail, { text: page.title, href: "" }]}
              ariaLabel={text.shell.breadcrumbs}
            />
          )
        }
        notifications={<Flashes first={notices} />}
        stickyNotifications
        toolsHide
        content={<div id="page">{children}</div>}
        ariaLabels={text.shell.landmarks}
      />
    </>
  );
}

/** Says that the server is away. */
function useConnection(): FlashbarProps.MessageDefinition[] {
  const isReachable = useValue(reachable);
  return isReachable
    ? []
    : [
        {
          id: "away",
          type: "warning",
          loading: true,
          header: text.shell.away,
          content: text.shell.awaySays,
          dismissible: false,
        },
      ];
}

/** Asks to sign in again, over the page as it is, when the sign-in ended in mid-use. */
function Ended({ session, open }: { session: Session; open: boolean }) {
  if (!open) {
    return null;
  }
  return (
    <Modal visible header={text.signIn.ended} closeAriaLabel={text.common.close} onDismiss={() => {}}>
      <SpaceBetween size="m">
        <p>{text.signIn.endedSays}</p>
        <SignInForm name={session.person.name} />
      </SpaceBetween>
    </Modal>
  );
}

function utilities(session: Session, chosen: Theme): TopNavigationProps.Utility[] {
  const themes: Theme[] = ["system", "light", "dark"];
  return [
    {
      type: "menu-dropdown",
      iconName: "settings",
      ariaLabel: text.shell.appearance,
      title: text.shell.appearance,
      items: themes.map((id) => ({
        id,
        text: text.shell.themes[id],
        itemType: "checkbox" as const,
        checked: id === chosen,
      })),
      onItemClick: ({ detail }) => theme.set(detail.id as Theme),
    },
    {
      type: "menu-dropdown",
      iconName: "user-profile",
      text: session.person.name,
      description: `${session.account.name} – ${text.roles[session.person.role]}`,
      ariaLabel: text.shell.person(session.person.name),
      items: [
        {
          id: "password",
          text: session.hasPassword ? text.shell.changePassword : text.shell.setPassword,
          href: linkTo("password"),
        },
        { id: "sign-out", text: text.shell.signOut },
        { id: "sign-out-everywhere", text: text.shell.signOutEverywhere },
      ],
      onItemClick: ({ detail }) => {
        if (detail.id.startsWith("sign-out")) {
          void act(() => signOut(detail.id === "sign-out-everywhere"));
        }
      },
    },
  ];
}

function navigation(session: Session): SideNavigationProps.Item[] {
  const link = (name: keyof typeof text.pages, ...path: string[]): SideNavigationProps.Item => ({
    type: "link",
    text: text.pages[name],
    href: linkTo(...path),
  });
  const own: SideNavigationProps.Item[] = [
    link("computers", "computers"),
    link("disks", "disks"),
    link("snapshots", "snapshots"),
    link("addresses", "addresses"),
    link("keyPairs", "key-pairs"),
    { type: "divider" },
    link("usage", "usage"),
    link("accessKeys", "access-keys"),
  ];
  if (session.person.role !== "operator") {
    return own;
  }
  return [
    ...own,
    {
      type: "section",
      text: text.shell.operator,
      items: [
        link("overview", "operator", "overview"),
        link("people", "operator", "people"),
        link("accounts", "operator", "accounts"),
        link("sessions", "operator", "sessions"),
        link("operations", "operator", "operations"),
        link("blueprints", "operator", "blueprints"),
        link("bundles", "operator", "bundles"),
        link("audit", "operator", "audit"),
      ],
    },
  ];
}
