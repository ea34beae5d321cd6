"""The words that conversations are made of. What stands under HELD_OUT is never trained on."""

FIRST_NAMES = """Ada Bruno Carla Dmitri Elena Farid Greta Hugo Iris Jonas Karim Lena Marco Nadia Omar Priya Quinn Rosa Sven
Tara Umar Vera Wendy Xavier Yara Zeno Alice Bob Carol Dave Erin Frank Grace Heidi Ivan Judy Kevin Laura Mallory Nina Oscar
Peggy Rupert Sybil Trent Ursula Victor Walter Amara Bilal Chen Dana Emil Fiona Gita Hana Igor Jade Kofi Lars Mina Noor
Pablo Rania Sanjay Tomas Ulla Viktor Wei Yusuf Zara Anton Bea Cyrus Delia Edgar Flora Gideon Hazel Isak Joan Kira Leon
Mabel Nils Opal Piotr Ruth Silas Thea Uma Vito Willa John Mary James Linda Robert Susan Michael Karen David Lisa Daniel
Anna Paul Emma Mark Julia Peter Sarah Nora Otto Tom Jerry Max Eva Ben Lucy Sam Kate Tim Jane Simon Alex Maria Jack"""

LAST_NAMES = """Berger Novak Silva Okafor Tanaka Schmidt Rossi Jensen Kowalski Haddad Moreau Lindqvist Petrov Singh Costa
Keller Brown Miller Carter Hughes Foster Graham Baker Cooper Ward Stone Hill Wood Fisher Marsh Bell Porter Wells Frost"""

SYLLABLES = """ba be bi bo bu da de di do du fa fe fi fo ga ge gi go gu ha he hi ho ka ke ki ko ku la le li lo lu ma me mi
mo mu na ne ni no nu pa pe pi po ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo wa we wi za ze zi zo qua tra bre
sto fli gra ple cor mar vel tan dor bri cla dre fro glo kri pra ster thal vor win xan yor zel"""
SYLLABLE_ENDS = "- - - n r s l x th nd rn ck m t sh ton ville"

ATTRIBUTES = """code|password|colour|favourite colour|dog's name|cat's name|car|deadline|budget|owner|port|address|floor
|phone number|phone extension|badge number|birthday|home town|job|favourite food|favourite book|favourite film|meeting room
|launch date|version|region|queue|backup day|on-call engineer|supplier|invoice number|capital|mascot|motto|flag|leader|height
|weight|price|discount|wifi name|wifi password|locker number|flight number|gate|seat|hotel|train|departure time|arrival time
|doctor|allergy|shoe size|team|project|manager|deploy window|root cause|error code|ticket|branch|database|server|api key
|passphrase|nickname|lucky number|instrument|hobby|language|school|street|garden|recipe|secret ingredient|tea|coffee order
|playlist|keyboard|editor|laptop|monitor|desk|bicycle|boat|horse|plant|planet|star|signal|frequency|call sign|station|bridge
|warehouse|pallet|vendor|contract|insurance number|case number|suspect|alibi|witness|verdict|clue|weapon|room|key|map
|treasure|dragon|spell|potion|guild|quest|rank|title|emblem|anthem|currency|holiday|festival|main export|population|status
|priority|sponsor|contact|email|website|opening time|closing time|capacity|speed|temperature|safe word|parking spot|account
number|serial number|order number|reference|target|goal|next step|topic|speaker|dress code|menu|dessert|drink|breakfast|lunch
|medicine|dose|blood type|bank|salary|rent|landlord|neighbour|sister|brother|mother|father|friend|boss|teacher|captain|coach
|driver|lawyer|accountant|director|editor in chief|chairman|age|size|shape|material|brand|model|licence|time zone|schedule
|end date|start date|birth year|postcode|country|city|village|river|island|harbour|name|first name|last name|middle name"""

THINGS = """billing service|search index|atlas project|north gate|old mill|blue team|red team|night shift|data lake|mobile
app|web shop|archive|lighthouse|observatory|greenhouse|reactor|pump house|east wing|west wing|library|kitchen|garage|studio
|payment system|login page|mail server|cache tier|message bus|test cluster|staging site|report|newsletter|survey|workshop
|conference|summer camp|marathon|expedition|orchestra|museum|bakery|clinic|airport|ferry|satellite|rover|probe|colony
|front door|main office|head office|customer portal|sales team|support desk|data center|build server|print shop|book club
|chess club|school play|city council|film crew|rescue boat|fire station|gas station|ice rink|swimming pool|town hall|castle
|cathedral|theatre|hospital|factory|farm|vineyard|brewery|harbour office|ski resort|hostel|embassy|laboratory|warehouse"""

THING_ADJECTIVES = """old new north south east west upper lower blue red green white black grey second third main small big
spare local central royal inner outer central upper hidden broken silent golden wooden iron foreign public private"""
THING_NOUNS = """mill gate tower depot office bridge dock garden station tunnel market hall cellar shop warehouse server
cluster service team project project line platform cabin camp farm school clinic lab studio vault workshop pipeline dashboard
reactor engine store hotel ship train truck shelter quarry mine well pier lodge barn chapel court plaza"""

ROLES = """release manager|technical specialist|business analyst|project coordinator|creative writer|research assistant
|security auditor|data engineer|site reliability engineer|travel planner|personal assistant|librarian|historian|gardener|chef
|tutor|translator|code reviewer|planner|critic|detective|warden|negotiator|accountant|nurse|pilot|architect|product manager
|support agent|archivist|quartermaster|meteorologist|curator|referee|legal adviser|interviewer|navigator|mechanic|editor
|statistician|test engineer|operator|dispatcher|helpful assistant|note taker|secretary|guide|coach|receptionist|butler"""

WORDS = """amber anchor apple arrow autumn badger bamboo barley basil beacon birch blue bottle brass breeze brick bronze
canary candle canyon cedar cello cherry chestnut cinder clover cobalt comet copper coral cotton crane crimson crystal daisy
dawn delta desert diamond dolphin eagle ebony echo ember emerald falcon feather fern fiddle flint forest fox garnet ginger
glacier golden granite grape green hammer harbor hazel heron hickory honey indigo iron ivory jade jasmine jasper juniper
kestrel kettle lagoon lantern lark lavender lemon lilac lime linen lion lotus magnet mango maple marble meadow mercury mint
mist moon moss nectar nickel oak oasis olive onyx orange orchid otter owl panther paper peach pearl pepper pine plum poppy
prairie purple quartz quill rabbit rain raven red reef ribbon river robin rose ruby saffron sage salmon sand sapphire scarlet
shadow silver sky slate snow spark sparrow spruce star steel stone storm sugar summer sun swan teal thistle thunder tiger
timber topaz tulip turquoise umber valley vanilla velvet violet walnut water willow wind winter wolf yellow zephyr zinc pasta
soup curry noodles dumplings pancakes tacos stew bread cheese chess tennis rowing painting pottery running cycling hiking
sailing fencing drums piano guitar violin flute trumpet harp oboe silence music coffee milk butter pizza rice beans salad
chocolate window table chair door floor wall roof street road path field island mountain lake ocean beach cloud fire smoke ash
light night morning evening spring engine wheel chain rope ladder bucket basket box bag coat hat shoe glove ring crown sword
shield arrow bow drum bell clock watch mirror lamp book page letter word story song dance game ball stick stone coin card map
key lock gate bridge tower castle garden tree leaf root seed flower grass bird cat dog horse cow sheep goat pig duck goose
chicken mouse bear deer frog snake spider bee ant fish whale shark crab shell north south east west left right upper lower old
new big small long short high low fast slow warm cold hot cool dry wet soft hard loud quiet dark bright heavy happy brave
calm clever eager fair gentle kind lucky proud quick sharp smart strong sweet tall tiny wild wise young"""

PLACES = """Oslo Lisbon Vienna Prague Dublin Athens Cairo Lima Quito Tokyo Seoul Delhi Rome Paris London Berlin Madrid
Warsaw Zagreb Tunis Dakar Accra Nairobi Boston Denver Dallas Miami Austin Seattle Toronto Havana Santiago Bergen Geneva Turin
Porto Leeds York Bristol Glasgow Lyon Nice Bonn Munich Hamburg Zurich Riga Vilnius Tallinn Helsinki"""

TOPICS = """networking storage billing security hiring research design testing logistics catering finance training legal
weather travel history music gardening backups payments support marketing sales safety transport housing planning"""

MONTHS = "January February March April May June July August September October November December"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


class HeldOut:
    """Words that the training never shows in these roles; the evaluation uses no others."""

    FIRST_NAMES = """Astrid Benedict Cosima Desmond Evelyn Fabian Gwen Harvey Imogen Julius Katja Lionel Miriam Nestor
    Ottilie Percival Rosalind Stellan Tabitha Ulrich Verity Wilfred Yvette Zoltan Agnes Boris Celeste Dorian Estelle Felix"""
    LAST_NAMES = "Abbott Quist Varga Mbeki Lombard Ferrari Nguyen Sorensen Zielinski Duarte Ashby Holloway Pryce Thorne"
    SYLLABLES = """bra cru dwe fna gle hul jor kul lem myr nob pru ske spo tru vex wul yam zud cha she thu bly dro pim
    nax rud tib gop fum hev jix lod mig"""
    SYLLABLE_ENDS = "- - ft mp sk lt gan ster"
    ATTRIBUTES = """handle|tracking number|pin|licence plate|curfew|quota|delivery window|chief engineer|tail number|catalogue
number|toast|ringtone|slogan|landing page|cover story|access phrase|sample size|donor|patron saint|fuel level|half-life
|crew size|anchor point|fallback plan|training partner|wingspan|vault number|reading list|star sign|escort|pen name|toll
|signature dish|stage name|rehearsal time|cut-off date|docking bay|tide level|seed value|retention period|page count"""
    THINGS = """quarantine ward|spectrometer|toy factory|sauna|planetarium|night market|coffee cart|invoice parser|tram depot
|glass works|monastery|aquarium|fencing club|fuel dump|choir|opera house|wind farm|drone fleet|sandbox cluster|ledger
|moon base|sugar mill|postal bank|jazz band|fish market|hangar|scheduler|pottery class|alpine hut|canal lock"""
    THING_ADJECTIVES = "rusty northern crooked marble secret floating ancient narrow"
    THING_NOUNS = "hangar cannery arcade foundry windmill courtyard bakery registry turbine trawler"
    WORDS = """acorn almond apricot aspen bison bramble burgundy cactus camel caramel cider cinnamon cobra condor cricket
    cypress dagger dune elm falconer fig galaxy gazelle geyser gravel gull hawk hemlock hornet husky iguana jaguar jigsaw
    kiwi koala larch lobster lynx magpie mammoth maroon mulberry mustard nutmeg obsidian ochre octopus onion osprey
    paprika parrot pebble pelican pigeon pistachio pumpkin python raccoon radish rhubarb rocket rye sequoia sesame sorrel squid
    stork syrup tamarind tangerine toffee tundra turnip vulture walrus wasp weasel wombat yarrow zebra"""
    PLACES = """Bilbao Krakow Odessa Tampere Ghent Utrecht Basel Malmo Cork Perth Hobart Osaka Busan Hanoi Manila Jakarta
    Calgary Tucson Omaha Fresno Bogota Cusco Rabat Kigali"""
    TOPICS = "archiving procurement forecasting plumbing auditing onboarding moderation translation inventory compliance"
