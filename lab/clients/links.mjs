// What Element Web would make links of: linkifyjs with its schemes, Matrix ids, and without what stands in code.
// Reads one message a line, {"html": ...} or {"text": ...}; prints for each the list of its links, in the same order.
import { createInterface } from "node:readline";
import linkifyHtml from "linkify-html";
import { State, createTokenClass, find, registerCustomProtocol, registerPlugin } from "linkifyjs";

const WITHOUT_SLASHES = "bitcoin geo im magnet matrix news openpgp4fpr sip sms smsto tel urn xmpp".split(" ");
const WITH_SLASHES = "irc ircs mms mxc nntp sftp ssh webcal wtai".split(" ");
WITHOUT_SLASHES.forEach((scheme) => registerCustomProtocol(scheme, true));
WITH_SLASHES.forEach((scheme) => registerCustomProtocol(scheme, false));

// sigil, localpart, colon, host; a port after it is no matter
for (const [kind, sigil] of [["userid", "AT"], ["roomalias", "POUND"]]) {
  registerPlugin(kind, ({ scanner: { tokens }, parser }) => {
    const words = tokens.groups.domain;
    const local = new State();
    const host = new State(createTokenClass(kind, { isLink: true }));
    for (const state of [parser.start.tt(tokens[sigil]), local]) {
      state.ta(words, local);
      state.ta([tokens.DOT, tokens.SYM, tokens.SLASH, tokens.EQUALS, tokens.UNDERSCORE, tokens.HYPHEN], local);
    }
    const begun = local.tt(tokens.COLON);
    for (const state of [begun, host]) {
      state.ta(words, host);
      state.tt(tokens.HYPHEN, host);
    }
    host.tt(tokens.DOT, begun);
  });
}

function links({ html, text }) {
  if (html === undefined) return find(text).map((link) => link.value);
  const found = [];
  const render = ({ content }) => (found.push(content), content);
  linkifyHtml(html, { ignoreTags: ["a", "pre", "code"], defaultProtocol: "https", render });
  return found;
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(links(JSON.parse(line))));
