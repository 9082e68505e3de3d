// The documents an app sends to Slack, in terms of Slack's own types. The
// comments carry the limits that Slack states outside its types package;
// generate.mjs reads them like Slack's own.
import type {
  HomeView,
  KnownBlock,
  MessageAttachment,
  MessageMetadata,
  ModalView,
  PlainTextElement,
  PlainTextOption,
} from './types/index';

/** The body of chat.postMessage, chat.update, chat.postEphemeral or a response_url call. */
export interface Message {
  channel?: string;
  /** The user who sees an ephemeral message. */
  user?: string;
  /** The message that chat.update changes. */
  ts?: string;
  /** The notification text. chat.update refuses more: maximum length of 4000 characters. */
  text?: string;
  /** Maximum number of items is 50. */
  blocks?: KnownBlock[];
  /** Maximum number of items is 100. */
  attachments?: MessageAttachment[];
  metadata?: MessageMetadata;
  thread_ts?: string;
  reply_broadcast?: boolean;
  as_user?: boolean;
  username?: string;
  icon_emoji?: string;
  icon_url?: string;
  file_ids?: string[];
  link_names?: boolean;
  parse?: 'none' | 'full';
  mrkdwn?: boolean;
  unfurl_links?: boolean;
  unfurl_media?: boolean;
  response_type?: 'ephemeral' | 'in_channel';
  replace_original?: boolean;
  delete_original?: boolean;
}

export type { HomeView, ModalView };

/** What a block_suggestion is answered with. */
export interface Suggestion {
  /** Maximum number of items is 100. */
  options?: PlainTextOption[];
  /** Maximum number of items is 100. */
  option_groups?: SuggestionGroup[];
}

export interface SuggestionGroup {
  /** Maximum length for the `text` in this field is 75 characters. */
  label: PlainTextElement;
  /** Maximum number of items is 100. */
  options: PlainTextOption[];
}
