// The tools that the conformance suite expects a server to have, as dynamic tools: what `dynamic.tool.create` takes.

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==';

/** A tool without arguments. */
const tool = (name, description, code) => ({
  name,
  description,
  code,
  inputSchema: { type: 'object', properties: {} },
});

/** A tool that returns this content. */
const content = (name, description, ...blocks) =>
  tool(name, description, `return ctx.result({ content: ${JSON.stringify(blocks)} });`);

const resource = (uri, mimeType, text) => ({ type: 'resource', resource: { uri, mimeType, text } });

export const tools = [
  content('test_simple_text', 'Returns a text', {
    type: 'text',
    text: 'This is a simple text response for testing.',
  }),
  content('test_image_content', 'Returns an image', { type: 'image', data: PIXEL, mimeType: 'image/png' }),
  content('test_audio_content', 'Returns a sound', { type: 'audio', data: SILENCE, mimeType: 'audio/wav' }),
  content(
    'test_embedded_resource',
    'Returns a resource',
    resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ),
  content(
    'test_multiple_content_types',
    'Returns a text, an image and a resource',
    { type: 'text', text: 'Multiple content types test:' },
    { type: 'image', data: PIXEL, mimeType: 'image/png' },
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ),
  tool('test_error_handling', 'Fails', "throw new Error('This tool intentionally returns an error for testing');"),
  tool(
    'test_tool_with_logging',
    'Logs three messages',
    `const rest = () => new Promise((resolve) => setTimeout(resolve, 50));
     ctx.log('info', 'Tool execution started');
     await rest();
     ctx.log('info', 'Tool processing data');
     await rest();
     ctx.log('info', 'Tool execution completed');
     return 'logging done';`,
  ),
  tool(
    'test_tool_with_progress',
    'Reports its progress',
    `for (const done of [0, 50, 100]) {
       ctx.progress(done, 100);
       await new Promise((resolve) => setTimeout(resolve, 50));
     }
     return 'progress done';`,
  ),
  tool('test_logging_tool', 'Logs a message', "ctx.log('info', 'only for those who asked'); return 'ok';"),
  {
    name: 'json_schema_2020_12_tool',
    description: 'Tool with JSON Schema 2020-12 features',
    code: "return 'ok';",
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
  },
  {
    name: 'test_x_mcp_header',
    description: 'Takes an argument that clients repeat in a header',
    code: 'return `region ${args.region}`;',
    inputSchema: {
      type: 'object',
      properties: { region: { type: 'string', description: 'Region', 'x-mcp-header': 'Region' } },
      required: ['region'],
    },
  },
];
