// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import "strings"

// The words of links: short, easy to spell on the telephone, about nature and things, and about nobody. Words may
// be added; one taken out changes no link that was given, as links are stored.
var (
	qualities = strings.Fields(`
active agile airy alert amber ample azure basic beige blue bold bright brisk broad bronze brown calm
candid cedar cherry civic classic clear clever common cool copper coral cosy crisp crystal daily
deep direct dual eager early earnest easy equal exact fair famous fast fine first flat floral fluent
free fresh full future gentle glad gold golden grand green grey happy hazel high indigo ivory jade
keen kind large late lemon light lilac lime linen little lively long lucky lunar mellow merry mild
misty modern navy neat new olive opal open orange patient peach pearl pink plain plum polar pure
quick quiet rapid rare ready red rosy round ruby rural rustic sandy sepia serene sharp shiny silent
silver simple slow small smart smooth snowy soft solar solid sound spicy spring stable steady still
stout sturdy summer sunny sweet swift tall tame teal tender tidy topaz tranquil true trusty upper
urban vast velvet violet vivid warm wide willing windy winter wise wooden yellow zesty`)
	things = strings.Fields(`
acorn alder almond anchor apple apricot arch ash aspen atlas aurora autumn badge bakery balcony
bamboo barley basil basket bay beach beacon beaver bee beech bell bench berry birch bird blossom
boat book border bottle branch bread breeze brick bridge brook broom brush bucket butter button
cabin cactus camel candle canoe canyon carpet cedar cello chair chalk chestnut cinema circle clay
cliff clock cloud clover coast comet compass coral corner cotton cove crane creek cup curtain
cypress daisy dawn deer delta desert dolphin door dove dune eagle echo elm ember engine estuary
falcon farm feather fern ferry fiddle field fig finch fir fjord flame flint flower flute forest
fountain fox garden garlic gate geyser ginger glacier glade glass globe goose grape grass grove
guitar gull harbor harp hat hazel heather hedge heron hill honey horizon horse house island ivy
jacket jasmine juniper kayak kettle key kite kiwi ladder lagoon lake lamp lantern lark laurel
lavender leaf lemon lentil library lily linden lion lotus lynx magnet mango map maple market marsh
meadow melon mill mint mirror moon moss mountain museum myrtle needle nest nettle north novel nutmeg
oak oasis oat ocean olive onion orbit orchard orchid otter owl paddle palm panda paper park path
peach peak pear pebble pencil penguin pepper piano pier pillow pine planet plaza plum pond poplar
poppy port prairie prism puffin quartz quill rabbit raft rain rainbow raven reef ribbon rice river
road robin rocket roof root rose rudder saddle saffron sage sail salmon salt sand scarf school seal
seed sequoia shell ship shore sky slope snow sparrow spoon spring square stairs star station stone
stork storm stove stream street summit sun swallow swan table tea thistle thyme tide tiger timber
tower trail train tree tulip tundra tunnel turtle valley vine viola violin wagon walnut water wave
whale wheat wheel willow wind window wolf wood wool yard zebra zephyr`)
)
